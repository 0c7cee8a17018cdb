// What a CHECK CONDITION does to other tasks: ACA (aca.h) and QERR, [SPC-4 r37 7.5.7].
#pragma once

#include "engine/command.h"
#include "scsi/sense.h"

namespace targe::engine {

/// The command ends in CHECK CONDITION. Its status leaves when the tasks that it ends cannot touch the medium
/// any more, and when every lane knows of an ACA condition that it establishes: perhaps before this returns.
void end_in_fault(Command& command, const scsi::Outcome& outcome);

namespace detail {

/// Until then. A command that is ended meanwhile, by a function or a reset, is not waited with.
struct Ending {
    Command* command;  ///< null: it has been ended
    scsi::Outcome outcome;
};

}  // namespace detail
}  // namespace targe::engine
