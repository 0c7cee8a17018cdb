// Auto contingent allegiance, [SAM-5 r21 5.9]: after a CHECK CONDITION for a command with NACA, the task set
// stands still until the initiator has seen to it. Task sets here are a nexus's own, so other nexuses notice
// nothing.
#pragma once

#include "engine/command.h"
#include "engine/nexus_unit.h"
#include "scsi/sense.h"

#include <optional>

namespace targe::engine {

/// What a new command meets while an ACA condition is in effect: ACA ACTIVE, unless it is the one ACA task
/// that is let in. Without one, an ACA task is an error.
[[nodiscard]] std::optional<scsi::Outcome> meets_aca(const Command& command);

/// Whether the command must stand still. It may be in the middle of its life.
[[nodiscard]] inline bool is_blocked(const Command& command) {
    return command.life.unit->aca && command.attribute != scsi::TaskAttribute::aca;
}
void block(Command& command);

/// The command ends in CHECK CONDITION: an ACA condition is established, kept or cleared as its NACA asks.
void faulted(Command& command);

/// CLEAR ACA, a reset, or the ACA task's own failure. What was blocked goes on.
void clear_aca(NexusUnit& unit);

}  // namespace targe::engine
