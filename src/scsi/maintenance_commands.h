// Rows of the command table: what a unit is labelled with, its clock, its paths and their priorities,
// [SPC-4 r37].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/identifying_information.h"
#include "scsi/priority.h"
#include "scsi/target_port_groups.h"
#include "scsi/timestamp.h"

#include <array>

namespace targe::scsi::rows {

/// Tells of the unit, not of the medium, to whomever.
inline constexpr CommandRules kTellsAnybody{
    .under_reserve = kAllowed, .under_write_exclusive = kAllowed, .under_exclusive_access = kAllowed};
inline constexpr CommandRules kTellsUnlessReserved{.under_write_exclusive = kAllowed,
                                                   .under_exclusive_access = kAllowed};
inline constexpr CommandRules kChangesTheUnit{.executed_at_home = true};
inline constexpr CommandRules kTellsOfPaths{.under_reserve = kAllowed,
                                            .under_write_exclusive = kAllowed,
                                            .under_exclusive_access = kAllowed,
                                            .while_reservations_lost = kAllowed,
                                            .least_access_state = LeastAccessState::transitioning};
inline constexpr CommandRules kChangesPaths{.executed_at_home = true,
                                            .while_reservations_lost = kAllowed,
                                            .least_access_state = LeastAccessState::unavailable};

inline constexpr auto kMaintenanceCommands = std::to_array<CommandInfo>({
    action(0x05, row<ReportIdentifyingInformationCdb>(0xa3, report_identifying_information,
                                                      "REPORT IDENTIFYING INFORMATION", to_initiator,
                                                      kTellsAnybody, kQuick)),
    action(0x0a,
           row<ReportTargetPortGroupsCdb>(0xa3, report_target_port_groups, "REPORT TARGET PORT GROUPS",
                                          to_initiator, kTellsOfPaths, kQuick, Availability::asymmetric)),
    action(0x0e, row<ReportPriorityCdb>(0xa3, report_priority, "REPORT PRIORITY", to_initiator,
                                        kTellsUnlessReserved, kQuick)),
    action(0x0f, row<ReportTimestampCdb>(0xa3, report_timestamp, "REPORT TIMESTAMP", to_initiator,
                                         kTellsUnlessReserved, kQuick)),
    action(0x06,
           row<SetIdentifyingInformationCdb>(0xa4, set_identifying_information, "SET IDENTIFYING INFORMATION",
                                             from_initiator, kChangesTheUnit, kQuick)),
    action(0x0a,
           row<SetTargetPortGroupsCdb>(0xa4, set_target_port_groups, "SET TARGET PORT GROUPS", from_initiator,
                                       kChangesPaths, kOrdinary, Availability::settable_access)),
    action(0x0e,
           row<SetPriorityCdb>(0xa4, set_priority, "SET PRIORITY", from_initiator, kChangesTheUnit, kQuick)),
    action(0x0f, row<SetTimestampCdb>(0xa4, set_timestamp, "SET TIMESTAMP", from_initiator, kChangesTheUnit,
                                      kQuick)),
});

}  // namespace targe::scsi::rows
