// The stages of a command's life, in order: receive and locate are Nexus::submit().
#pragma once

#include "engine/command.h"
#include "engine/nexus_unit.h"
#include "engine/unit_state.h"
#include "scsi/sense.h"

#include <cstddef>
#include <optional>
#include <span>

namespace targe::engine {

/// The table, the CDB and the lengths: what the command is. A refusal ends it.
[[nodiscard]] std::optional<scsi::Outcome> decode(Command& command);

/// From wherever it waited: lets it pass its lane, admits it, fetches its data-out, executes it.
void proceed(Command& command);

/// Whether `unit` may not be written: by its LUN map, its device, or an initiator's SWP.
[[nodiscard]] bool write_protected(const NexusUnit& unit, const UnitState& state);
[[nodiscard]] scsi::Sense write_protected_sense();

/// Reservation, unit attention, medium and write protection. Asked again after every wait.
[[nodiscard]] std::optional<scsi::Outcome> admit(Command& command);

/// The unit attention that the command is told of instead of being executed, which is reported with that.
[[nodiscard]] std::optional<scsi::Sense> unit_attention(Command& command);

/// Asks for data-out, unless there is none to come; then proceed() goes on.
void fetch_data_out(Command& command);

/// Begins the work. It ends in finish(), perhaps before this returns.
void execute(Command& command);

/// The command has this outcome, or was aborted. It leaves the task set, at once unless it ends others first:
/// fault.h.
void finish(Command& command, const scsi::Outcome& outcome);

/// It leaves the task set, and is answered or dropped.
void conclude(Command& command, const scsi::Outcome& outcome);

/// It executes, a device holds it, and its nexus has lost the LUN: the initiator gets this now, and the
/// command goes on to its end in silence. Its buffers are the engine's until CommandPort::let_go().
void answer_before_end(Command& command, const scsi::Sense& sense);

/// Ends a command that waits and was aborted: no response.
void drop(Command& command);

/// Parameter data of at most `limit` bytes to be written, in place until the command is retired; nothing when
/// there is no memory.
[[nodiscard]] std::optional<std::span<std::byte>> parameter_room(Command& command, std::size_t limit);

/// `data`, in place until the command is retired, is what the command transfers when it ends well.
void send_parameters(Command& command, std::span<const std::byte> data);

/// What a device said of its sense data beyond what scsi::Sense has.
void add_stream_bits(Command& command);

/// The status never reached the initiator: the unit attention that it told of is to be told again.
void undelivered(Command& command);

/// BUSY when the nexus has nothing else under way here, or TASK SET FULL.
[[nodiscard]] scsi::Status no_room(const Command& command);

}  // namespace targe::engine
