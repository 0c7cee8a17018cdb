// What a device that executes CDBs leaves to the engine: to write or copy blocks by commands to itself.
#pragma once

#include "base/task.h"
#include "device/command_server.h"
#include "engine/command.h"
#include "scsi/sense.h"

namespace targe::engine {

/// How a command ends of which this is the answer.
[[nodiscard]] scsi::Outcome outcome_of(const device::ServerAnswer& answer, scsi::SenseFormat format);

/// Ends when none of the commands is under way any more that it has made: at the end, at the first failure,
/// when `command` was aborted, or when a change of the unit's state keeps it out. Such changes wait for no
/// more than is under way: between them it is not in its lane.
base::Task<scsi::Outcome> carry_out_remap(base::CommandArena& arena, Command& command,
                                          const device::ServerRemap& remap);

}  // namespace targe::engine
