// A device that executes CDBs itself: tapes, changers and whatever else the engine knows no commands of.
#pragma once

#include "base/buffer.h"
#include "base/task.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::device {

/// A command that the device knows and the engine does not: what the engine must know to let it through.
struct CommandRule {
    enum class Direction : std::uint8_t { none, out, in };
    std::uint8_t opcode = 0;
    std::optional<std::uint8_t> service_action = {};  ///< in byte 1; nothing: any
    Direction direction = Direction::none;
    bool writes_medium = false;           ///< refused where the unit is write protected
    bool passes_write_exclusive = false;  ///< of others, as what only reads may
    bool passes_every_reservation = false;
    std::uint8_t length_at = 0;     ///< first byte of the field of the CDB with the length, big-endian
    std::uint8_t length_bytes = 0;  ///< of that field; 0: `unit` is the length
    std::uint32_t unit = 1;         ///< bytes that the field counts by
    bool operator==(const CommandRule&) const = default;
};

/// What initiators are told of such a device by INQUIRY. Empty strings: what the configuration says.
struct ServerFacts {
    bool removable = false;
    std::string vendor = {};
    std::string product = {};
    std::string revision = {};
    std::vector<std::uint8_t> vpd_pages = {};  ///< that it answers itself
    std::vector<CommandRule> rules = {};       ///< go before what the engine knows of an operation code
    bool operator==(const ServerFacts&) const = default;
};

/// Stays in place until it is executed; what its spans name, too.
struct ServerRequest {
    std::span<const std::byte> cdb;
    std::uint8_t attribute = 0;  ///< scsi::TaskAttribute
    std::uint64_t nexus = 0;
    std::uint64_t tag = 0;
    base::ConstSegments out = {};
    base::Segments in = {};
    bool may_remap = false;          ///< it may be answered with ServerAnswer::remap
    std::uint32_t only_by = 0;       ///< not 0: part of a remap, for who answered with that and nobody else
    ServerRequest* along = nullptr;  ///< aborted with it, and so on

    /// Nobody waits for it any more: whoever executes it may end it soon. On its core.
    void abort() {
        for (ServerRequest* each = this; each != nullptr; each = each->along) {
            each->aborted = true;
            if (each->told != nullptr) {
                std::atomic_ref(*each->told).store(1, std::memory_order_relaxed);
            }
        }
    }

    // The device's own.
    bool aborted = false;
    std::uint32_t* told = nullptr;
};

/// What is to be done before a command has ended, by READ(16) and WRITE(16) to the device that answered it.
struct ServerRemap {
    struct Range {
        std::uint64_t lba;     ///< the last block of it, and of the source, has an address
        std::uint64_t blocks;  ///< not 0
        std::uint64_t source;  ///< of copies; does not overlap
    };
    std::vector<Range> ranges;
    std::uint32_t block_bytes = 0;
    std::vector<std::byte> block = {};  ///< what is written, over and over; empty: each range is copied
    std::uint32_t answered_by = 0;      ///< ServerRequest::only_by of these commands
};

struct ServerAnswer {
    enum class End : std::uint8_t {
        answered,
        away,     ///< nobody began it
        busy,     ///< the same, where the administrator wants BUSY then
        reset,    ///< the same, and who executes commands now began anew since it came
        refused,  ///< the nexus may not use the unit
        lost,     ///< somebody began it, and nobody knows how far it came
    };
    End end = End::away;
    std::uint8_t status = 0;  ///< of SAM; with CHECK CONDITION what follows counts
    std::uint8_t key = 0;
    std::uint16_t condition = 0;  ///< ASC and ASCQ
    bool deferred = false;
    bool filemark = false;
    bool end_of_medium = false;
    bool incorrect_length = false;
    std::optional<std::int64_t> information = {};
    std::optional<std::uint64_t> command_specific = {};
    std::optional<std::array<std::uint8_t, 3>> specific = {};
    std::uint32_t in_bytes = 0;  ///< data-in that are there
    std::uint32_t wanted = 0;    ///< bytes that it would move in all; 0: as many as were moved
    std::uint64_t report = 0;    ///< not 0: the device wants to hear whether its answer arrived, by this
    std::shared_ptr<const ServerRemap> remap = {};  ///< null: it is done
};

/// Which task management function.
enum class ServerEvent : std::uint8_t {
    abort_task = 1,
    abort_task_set = 2,
    clear_task_set = 3,
    logical_unit_reset = 4,
};

/// A nexus that sees the unit. The strings live as long as it does.
struct ServerNexus {
    std::uint64_t nexus;
    std::uint16_t lun;
    bool read_only;
    std::string_view initiator;
    std::string_view target;
};

/// The commands of a device. Used from every core, as Device is.
class CommandServer {
public:
    [[nodiscard]] virtual ServerFacts facts() const = 0;
    virtual base::Task<ServerAnswer> execute(base::CommandArena& arena, ServerRequest& request) = 0;
    /// On the core of the nexus; none of them waits. Its commands come between joining and leaving. One that
    /// moves departs, and joins again on the core where its commands come from then on. True: somebody is
    /// asked whether it may use the unit, and DeviceObserver::admit() says what the answer is, or that there
    /// will be none.
    virtual bool join(const ServerNexus& nexus) = 0;
    virtual void depart(std::uint64_t nexus) = 0;
    virtual void leave(std::uint64_t nexus) = 0;
    /// Does not wait; on any core.
    virtual void tell(ServerEvent event, bool done, std::uint64_t nexus) = 0;
    /// What became of an answer with ServerAnswer::report. Does not wait; on the core of the nexus.
    virtual void delivered(std::uint64_t /*nexus*/, std::uint64_t /*report*/, bool /*arrived*/) {}

protected:
    ~CommandServer() = default;
};

}  // namespace targe::device
