// Rows of the command table: LOG SENSE and LOG SELECT, [SPC-4 r37].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/log_pages.h"
#include "scsi/log_select.h"

#include <array>

namespace targe::scsi::rows {

/// Both go to every core for its counters, and no lane waits for them.
inline constexpr CommandRules kReadsLogs{.executed_at_home = true,
                                         .under_reserve = kAllowed,
                                         .under_write_exclusive = kAllowed,
                                         .under_exclusive_access = kAllowed,
                                         .least_access_state = LeastAccessState::standby};
inline constexpr CommandRules kResetsLogs{.executed_at_home = true,
                                          .least_access_state = LeastAccessState::standby};

inline constexpr auto kLogCommands = std::to_array<CommandInfo>({
    row<LogSelectCdb>(0x4c, log_select, "LOG SELECT", from_initiator, kResetsLogs, kQuick),
    row<LogSenseCdb>(0x4d, log_sense, "LOG SENSE", to_initiator, kReadsLogs, kQuick),
});

}  // namespace targe::scsi::rows
