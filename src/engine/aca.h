// Auto contingent allegiance, [SAM-5 r21 5.9]: after a CHECK CONDITION for a command with NACA, the task set
// stands still until the initiator has seen to it. The nexus on which that happened is the faulted one; other
// nexuses notice something only where they share the task set (TST 000b).
//
// Each faulted nexus answers for the condition that it established (NexusUnit::faulted): when that ends, for
// whatever reason, its lane tells the others. They merely count how many conditions are in effect.
#pragma once

#include "engine/command.h"
#include "engine/nexus_unit.h"
#include "scsi/sense.h"

#include <functional>
#include <optional>

namespace targe::engine {

/// What a new command meets while an ACA condition is in effect: ACA ACTIVE or BUSY, unless it is the one ACA
/// task that is let in, or is to end the commands of the faulted nexus. Without a condition, an ACA task is
/// an error.
[[nodiscard]] std::optional<scsi::Outcome> meets_aca(Command& command);

/// Whether the command must stand still. It may be in the middle of its life.
[[nodiscard]] inline bool is_blocked(const Command& command) {
    return command.life.unit->task_set.aca_conditions > 0 && !command.life.passes_aca;
}
void block(Command& command);

/// What a CHECK CONDITION does to the ACA conditions of its task set.
enum class AcaChange : std::uint8_t { none, established, cleared };

/// For the command that ends so: its own lane's part is done.
[[nodiscard]] AcaChange change_aca(const Command& command);
/// Another lane's part.
void follow_aca(TaskSet& set, AcaChange change);

/// CLEAR ACA, a reset, a lost nexus: the condition that the nexus established, if it did, ends on every lane.
/// What it blocked goes on. Then `cleared` is called, here.
void clear_aca(NexusUnit& unit, std::function<void()> cleared = {});

}  // namespace targe::engine
