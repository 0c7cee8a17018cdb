// What initiators ask for, and how it went: what they know, and what only the run knows.
#pragma once

#include "iscsi/pdu_scsi.h"
#include "scsi/sense.h"
#include "sim/medium.h"
#include "sim/world.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace targe::sim {

inline constexpr std::uint8_t kGood = 0x00;
inline constexpr std::uint8_t kCheckCondition = 0x02;
inline constexpr std::uint8_t kBusy = 0x08;
inline constexpr std::uint8_t kReservationConflict = 0x18;
inline constexpr std::uint8_t kTaskSetFull = 0x28;
inline constexpr std::uint8_t kTaskAborted = 0x40;

enum class Kind : std::uint8_t {
    test_unit_ready,
    inquiry,
    request_sense,
    report_luns,
    read_capacity,
    read,
    write,
    write_same,
    unmap,
    compare_and_write,
    synchronize_cache,
    mode_sense,
    mode_select,
    reserve,
    release,
    persistent_reserve_in,
    persistent_reserve_out,
};
[[nodiscard]] std::string_view name_of(Kind kind);

/// Whoever sends: an initiator port, for the whole run.
using InitiatorIndex = std::size_t;

/// PERSISTENT RESERVE OUT and RESERVE, as the checker of reservations has to know them.
struct ReservationAsk {
    std::uint8_t action = 0;
    std::uint8_t type = 0;
    std::uint64_t key = 0;
    std::uint64_t action_key = 0;
    bool aptpl = false;
};

struct Task {
    // What was asked.
    std::uint64_t id = 0;  ///< of the run; stamps are made of it
    InitiatorIndex initiator = 0;
    std::uint64_t session = 0;  ///< of the run
    std::uint16_t lun = 0;
    std::uint32_t tag = 0;
    Kind kind = Kind::test_unit_ready;
    iscsi::TaskAttribute attribute = iscsi::TaskAttribute::simple;
    bool immediate = false;
    bool shared_set = false;  ///< its unit has one task set for all nexuses (TST 000b)
    std::uint64_t lba = 0;
    std::uint32_t blocks = 0;
    bool fua = false;
    Stamp compared = 0;  ///< COMPARE AND WRITE
    ReservationAsk reservation;
    std::uint8_t mode_value = 0;  ///< MODE SELECT: what the page gets
    bool saves = false;           ///< MODE SELECT: SP
    std::vector<std::byte> cdb;
    std::vector<std::byte> out;
    std::uint32_t in_size = 0;

    // How it went.
    Time sent_at{};
    std::uint64_t sequence = 0;       ///< among the tasks of its session: the order in which they were sent
    std::optional<Time> received_at;  ///< the target has taken in the last byte of the request
    std::optional<Time> answered_at;  ///< the target has sent its status
    std::optional<Time> dead_at;      ///< no longer in any task set, answered or not
    std::uint64_t ended_by = 0;       ///< the session that ended it, where another task or a function did
    std::uint8_t status = 0xff;
    std::uint32_t sense = 0;  ///< SENSE KEY, ASC and ASCQ as 0xkkaaqq
    std::vector<std::byte> in;
    bool heard = false;  ///< its initiator has the answer, or has given up on it

    [[nodiscard]] bool good() const { return answered_at && status == kGood; }
    [[nodiscard]] bool writes() const {
        return kind == Kind::write || kind == Kind::write_same || kind == Kind::unmap ||
               kind == Kind::compare_and_write;
    }
    [[nodiscard]] bool attention() const { return status == kCheckCondition && (sense >> 16U) == 6; }
    /// What block number `i` of its range holds once it is written.
    [[nodiscard]] Stamp stamp(std::uint64_t i) const {
        return kind == Kind::unmap ? 0 : stamp_of(id, kind == Kind::write_same ? 0 : i);
    }
    [[nodiscard]] bool covers(std::uint64_t block) const { return block >= lba && block - lba < blocks; }
};

/// A task management function.
struct Function {
    std::uint64_t id = 0;
    InitiatorIndex initiator = 0;
    std::uint64_t session = 0;
    std::uint16_t lun = 0;
    std::uint32_t tag = 0;
    iscsi::TaskFunction function = iscsi::TaskFunction::abort_task;
    bool shared_set = false;
    const Task* task = nullptr;  ///< of ABORT TASK and QUERY TASK
    std::uint64_t sequence = 0;  ///< among the tasks of its session: those below were sent before
    Time sent_at{};
    std::optional<Time> answered_at;
    std::optional<iscsi::TaskFunctionResponse> response;

    [[nodiscard]] bool complete() const { return response == iscsi::TaskFunctionResponse::function_complete; }
};

}  // namespace targe::sim
