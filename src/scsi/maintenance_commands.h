// Rows of the command table: what a unit is labelled with, and its clock, [SPC-4 r37].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/identifying_information.h"
#include "scsi/timestamp.h"

#include <array>

namespace targe::scsi::rows {

/// Tells of the unit, not of the medium, to whomever.
inline constexpr CommandRules kTellsAnybody{
    .under_reserve = kAllowed, .under_write_exclusive = kAllowed, .under_exclusive_access = kAllowed};
inline constexpr CommandRules kTellsUnlessReserved{.under_write_exclusive = kAllowed,
                                                   .under_exclusive_access = kAllowed};
inline constexpr CommandRules kChangesTheUnit{.executed_at_home = true};

inline constexpr auto kMaintenanceCommands = std::to_array<CommandInfo>({
    action(0x05, row<ReportIdentifyingInformationCdb>(0xa3, report_identifying_information,
                                                      "REPORT IDENTIFYING INFORMATION", to_initiator,
                                                      kTellsAnybody, kQuick)),
    action(0x0f, row<ReportTimestampCdb>(0xa3, report_timestamp, "REPORT TIMESTAMP", to_initiator,
                                         kTellsUnlessReserved, kQuick)),
    action(0x06,
           row<SetIdentifyingInformationCdb>(0xa4, set_identifying_information, "SET IDENTIFYING INFORMATION",
                                             from_initiator, kChangesTheUnit, kQuick)),
    action(0x0f, row<SetTimestampCdb>(0xa4, set_timestamp, "SET TIMESTAMP", from_initiator, kChangesTheUnit,
                                      kQuick)),
});

}  // namespace targe::scsi::rows
