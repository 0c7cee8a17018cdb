// What the engine keeps of a command while it lives.
#pragma once

#include "base/buffer.h"
#include "base/core.h"
#include "base/pages.h"
#include "device/command_server.h"
#include "engine/task_set.h"
#include "scsi/command_table.h"
#include "scsi/medium_access.h"
#include "scsi/sense.h"

#include <atomic>
#include <cstdint>
#include <optional>

namespace targe::engine {

class Command;
class Nexus;
class NexusUnit;
class Visitor;

namespace detail {

struct Ending;

enum class Stage : std::uint8_t {
    idle,           ///< not submitted
    parked,         ///< waits in its lane
    awaiting_data,  ///< the transport fetches its data-out
    ending,         ///< its CHECK CONDITION waits until the tasks that it ends have ended: fault.h
    executing,      ///< may touch the medium; a lane that closes waits for it
    at_home,        ///< executing a change of the unit's state; changes wait for one another, lanes do not
    copying,        ///< executing in pieces, each of which goes into lanes by itself: Visitor
    responding,     ///< completed() was called
    dropped,        ///< dropped() was called
};

/// Everything but `aborted` is touched only on the command's core, or by the one coroutine that executes it.
struct CommandLife {
    Nexus* nexus = nullptr;
    NexusUnit* unit = nullptr;  ///< null where the LUN has none
    const scsi::CommandInfo* info = nullptr;
    device::ServerRequest* at_server = nullptr;  ///< while the device executes it
    Visitor* visitor = nullptr;                  ///< of a command that copies, while it does
    Command* next_of_bucket = nullptr;           ///< in the nexus's table of tags
    Ending* ending = nullptr;                    ///< while it is
    TurnId turn = 0;                             ///< ORDERED in a shared task set, from when it had to wait
    Stage stage = Stage::idle;
    bool data_is_here = false;
    bool tagged = false;             ///< in the table of tags
    bool is_ordered = false;         ///< ORDERED, or treated so, since it came
    bool in_order = false;           ///< its turn has come among the tasks of its task set
    bool has_turn = false;           ///< ORDERED in a shared task set: it may begin when it is the oldest
    bool passes_aca = false;         ///< let in while an ACA condition was in effect
    bool moves_range = false;        ///< COMPARE AND WRITE and its kin: its range is held, not counted
    bool told_when_aborted = false;  ///< TAS: it ends in TASK ABORTED, not in silence
    bool answered = false;           ///< before its end: answer_before_end()
    bool retired = false;            ///< it was, and so has no status to come: what remains is its end
    bool has_stream_bits = false;    ///< serve_command.cc has more for its sense data
    bool lent = false;               ///< its data-in are the device's own memory, which writes may change
    std::uint32_t abort_epoch = 0;
    base::Time began{};                 ///< when the turn began in which it was submitted
    std::atomic<bool> aborted = false;  ///< read by its coroutine at home, after the message that follows it
    std::optional<scsi::Asc> reported;  ///< the unit attention that its sense data carry
    std::uint8_t stream_bits = 0;       ///< FILEMARK, EOM and ILI, where fixed format has them
    std::optional<std::array<std::uint8_t, 3>> sense_specific;  ///< as the device gave them
    std::uint64_t wants_out = 0;                                ///< bytes that the CDB asks for
    std::uint64_t wants_in = 0;
    std::uint64_t loan = 0;    ///< not 0: its data-in are the device's, until they are given back
    std::uint64_t report = 0;  ///< not 0: the device is told by this whether the answer arrived
    scsi::MediumAccess access;
    base::Buffer out_buffer;
    base::Buffer in_buffer;
    base::Pages pages;  ///< lent by the device instead
    base::Segment out_segment{};
    const std::byte* in_place = nullptr;  ///< data-out that the transport has, until submit() returns
    base::ConstSegment in_segment{};

    void reset();
};

}  // namespace detail
}  // namespace targe::engine
