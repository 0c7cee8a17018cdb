// Informational exceptions: how a unit says that something will go wrong, [SBC-3 r36 6.4.6].
//
// There are two: a self-test in the background that failed, and a false one that initiators ask for with
// TEST, to see whether they would notice.
#pragma once

#include "engine/command.h"
#include "engine/unit_home.h"
#include "engine/unit_state.h"
#include "scsi/sense.h"

#include <atomic>
#include <memory>

namespace targe::engine {

class LogicalUnit;

/// What the next command is to end with that ends well, whosoever it is: it is taken once, over all lanes.
struct ExceptionToTell {
    explicit ExceptionToTell(const scsi::Sense& what) : sense(what) {}
    const scsi::Sense sense;
    std::atomic<bool> waits = true;
};

/// Has the change tell of an exception, by the method that MRIE names.
void report_exception(Change& change, scsi::Asc condition);

/// MODE SELECT, or a reset, has changed how exceptions are told: what waited does not, and what TEST asks for
/// is told now, and again in intervals as often as REPORT COUNT says, until this is called anew.
void exceptions_selected(Change& change, const std::shared_ptr<LogicalUnit>& unit);

/// How the command ends that was to end with `outcome`, now that an exception waits to be told.
[[nodiscard]] scsi::Outcome with_exception(const Command& command, const scsi::Outcome& outcome);

}  // namespace targe::engine
