// One SCSI command between its receipt and the delivery of its status.
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/id.h"
#include "base/intrusive_list.h"
#include "engine/command_life.h"
#include "scsi/cdb.h"
#include "scsi/sense.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::engine {

/// The transport's number for a command (iSCSI: the Initiator Task Tag), unique within its nexus.
using TaskTag = base::Id<struct TaskTagTag, std::uint64_t>;

/// What the transport's own header says of a command's data. Compared with the CDB, never trusted.
struct ExpectedData {
    bool known = false;  ///< false: the transport cannot tell, and there is no residual
    std::uint32_t out_bytes = 0;
    std::uint32_t in_bytes = 0;
};

/// The data that the engine wants from the initiator, and where it goes. The segments cover exactly `size`
/// bytes and stay in place until retire(). What the initiator sends beyond them the transport throws away.
struct DataOut {
    base::Segments segments;
    std::uint32_t size = 0;
};

/// What the command would transfer against what the initiator expects, in one direction.
struct Residual {
    enum class Kind : std::uint8_t { none, underflow, overflow };
    Kind kind = Kind::none;
    std::uint32_t bytes = 0;
    bool operator==(const Residual&) const = default;
};

/// Whether the status reached the initiator.
enum class Delivery : std::uint8_t { delivered, failed };

/// Belongs to the transport, which keeps it in place from submit() to the end of retire(), and may use it
/// again after reset(). A transport may derive its own from it. On one core for life.
class Command : public base::ListHook<struct LaneTasks>, public base::ListHook<struct Parked> {
public:
    static constexpr std::size_t kArenaBytes = 4096;

    Command() = default;

    // Filled by the transport before submit(), and `cdb`.
    std::uint64_t lun = 0;  ///< the eight bytes of the LUN field, as they came, most significant first
    TaskTag tag;
    scsi::TaskAttribute attribute = scsi::TaskAttribute::simple;
    ExpectedData expected;
    bool takes_pages = false;  ///< data-in may be pages in a pipe, which change after they were sent

    // Valid from CommandPort::data_out_wanted() on.
    DataOut data_out;

    // Final when CommandPort::completed() is called.
    std::uint8_t status = 0;      ///< the SCSI status byte
    base::ConstSegments data_in;  ///< at most expected.in_bytes; in place until retire()
    base::Piped data_in_piped;    ///< instead, where the transport takes pages
    /// They are where the device has them, and may change until retire(): a transport that makes a digest of
    /// them copies them first.
    bool data_in_may_change = false;
    Residual residual_out;
    Residual residual_in;
    /// Encoded as the logical unit's D_SENSE asks; empty unless the status is CHECK CONDITION.
    std::uint8_t sense_size = 0;
    [[nodiscard]] std::span<const std::byte> sense() const {
        return std::span{sense_bytes}.first(sense_size);
    }

    /// Where coroutines that serve this command take their frames.
    [[nodiscard]] base::CommandArena& arena() { return arena_; }
    /// As new. Only before submit() and after retire().
    void reset();

    // The engine's own. Transports leave them alone.
    detail::CommandLife life;

private:
    base::CommandArena arena_{block_};

    // Last what is large and of which an ordinary command touches only the beginning: some thirty commands in
    // flight are to stay in the cache that is next to the processor.
public:
    scsi::Cdb cdb;
    std::array<std::byte, scsi::kMaxSenseBytes> sense_bytes;

private:
    alignas(base::CommandArena::kAlignment) std::array<std::byte, kArenaBytes> block_;
};

}  // namespace targe::engine
