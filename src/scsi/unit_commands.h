// Rows of the command table: what every SCSI device has, [SPC-4 r37].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/report_supported_operation_codes.h"
#include "scsi/report_supported_task_management_functions.h"
#include "scsi/start_stop_unit.h"

#include <array>

namespace targe::scsi::rows {

inline constexpr auto kUnitCommands = std::to_array<CommandInfo>({
    row<TestUnitReadyCdb>(0x00, test_unit_ready, "TEST UNIT READY", none, kProbe, kQuick),
    row<RequestSenseCdb>(0x03, request_sense, "REQUEST SENSE", to_initiator, kIdentify, kQuick),
    row<InquiryCdb>(0x12, inquiry, "INQUIRY", to_initiator, kIdentify, kQuick),
    row<ModeSelect6Cdb>(0x15, mode_select_6, "MODE SELECT(6)", from_initiator, kModeSelect, kQuick),
    row<ModeSense6Cdb>(0x1a, mode_sense_6, "MODE SENSE(6)", to_initiator, kModeSense, kQuick),
    row<StartStopUnitCdb, StartStopUnitCdb::kUsageFixed>(0x1b, start_stop_unit, "START STOP UNIT", none,
                                                         kStartStop, kOrdinary, Availability::fixed),
    row<StartStopUnitCdb, StartStopUnitCdb::kUsageRemovable>(0x1b, start_stop_unit, "START STOP UNIT", none,
                                                             kStartStop, kOrdinary, Availability::removable),
    row<PreventAllowMediumRemovalCdb>(0x1e, prevent_allow_medium_removal, "PREVENT ALLOW MEDIUM REMOVAL",
                                      none, kPrevent, kQuick, Availability::removable),
    row<ModeSelect10Cdb>(0x55, mode_select_10, "MODE SELECT(10)", from_initiator, kModeSelect, kQuick),
    row<ModeSense10Cdb>(0x5a, mode_sense_10, "MODE SENSE(10)", to_initiator, kModeSense, kQuick),
    row<ReportLunsCdb>(0xa0, report_luns, "REPORT LUNS", to_initiator, kIdentify, kQuick),
    action(0x0c, row<ReportSupportedOperationCodesCdb>(0xa3, report_supported_operation_codes,
                                                       "REPORT SUPPORTED OPERATION CODES", to_initiator,
                                                       kReport, kQuick)),
    action(0x0d, row<ReportSupportedTaskManagementFunctionsCdb>(
                     0xa3, report_supported_task_management_functions,
                     "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", to_initiator, kReport, kQuick)),
});

}  // namespace targe::scsi::rows
