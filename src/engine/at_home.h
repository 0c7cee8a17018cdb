// How a command changes what all cores share of its unit: decided, kept, and put in force by the unit's home.
#pragma once

#include "base/task.h"
#include "engine/command.h"
#include "engine/unit_home.h"
#include "scsi/sense.h"

#include <cstdint>
#include <functional>

namespace targe::engine {

/// Decides on the home core, in the change's turn: alters change.state(), sets change.keep, raises unit
/// attentions and says whose tasks end; or says why not, and then nothing changes.
using Apply = std::function<scsi::Outcome(const Command& command, Change& change)>;

enum class Flush : std::uint8_t { no, yes };

/// Goes to the unit's home, decides by `apply`, keeps what must be kept, closes every lane and opens it with
/// the new state, and comes back. With Flush::yes all that was written before is durable, and so is what was
/// written meanwhile. BUSY when the unit is quarantined; HARDWARE ERROR when what must be kept cannot be.
base::Task<scsi::Outcome> at_home(base::CommandArena& arena, Command& command, const Apply& apply,
                                  Flush flush = Flush::no);

/// In the change's turn, on the home core and before the lanes close, so that commands need not wait for the
/// disk: keeps what `change` says must be kept. False when that is needed and cannot be had.
base::Task<bool> keep(base::CommandArena& arena, LogicalUnit& unit, Change& change);

}  // namespace targe::engine
