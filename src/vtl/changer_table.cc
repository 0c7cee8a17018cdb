#include "vtl/changer_table.h"

#include "scsi/report_supported_operation_codes.h"
#include "vtl/changer_cdbs.h"
#include "vtl/unit_cdbs.h"

namespace targe::vtl {

using C = Changer;

/// In the order of operation code, then service action.
const std::vector<ChangerTable::Row> ChangerTable::kRows{
    {{0x00, {}, "TEST UNIT READY", PlainCdb::kUsage}, &C::test_unit_ready},
    {{0x03, {}, "REQUEST SENSE", RequestSenseCdb::kUsage}, &C::by_targed},
    {{0x07, {}, "INITIALIZE ELEMENT STATUS", PlainCdb::kUsage}, &C::initialize_element_status},
    {{0x12, {}, "INQUIRY", InquiryCdb::kUsage}, &C::inquiry},
    {{0x15, {}, "MODE SELECT(6)", ModeSelect6Cdb::kUsage}, &C::mode_select_6},
    {{0x16, {}, "RESERVE(6)", PlainCdb::kUsage}, &C::by_targed},
    {{0x17, {}, "RELEASE(6)", PlainCdb::kUsage}, &C::by_targed},
    {{0x1a, {}, "MODE SENSE(6)", ModeSense6Cdb::kUsage}, &C::mode_sense_6},
    {{0x1b, {}, "OPEN/CLOSE IMPORT/EXPORT ELEMENT", OpenCloseImportExportCdb::kUsage},
     &C::open_close_import_export},
    {{0x1d, {}, "SEND DIAGNOSTIC", SendDiagnosticCdb::kUsage}, &C::send_diagnostic},
    {{0x1e, {}, "PREVENT ALLOW MEDIUM REMOVAL", PreventAllowCdb::kUsage}, &C::prevent_allow},
    {{0x2b, {}, "POSITION TO ELEMENT", PositionToElementCdb::kUsage}, &C::position_to_element},
    {{0x37, {}, "INITIALIZE ELEMENT STATUS WITH RANGE", InitializeElementStatusWithRangeCdb::kUsage},
     &C::initialize_element_status_with_range},
    {{0x4c, {}, "LOG SELECT", LogSelectCdb::kUsage}, &C::log_select},
    {{0x4d, {}, "LOG SENSE", LogSenseCdb::kUsage}, &C::log_sense},
    {{0x55, {}, "MODE SELECT(10)", ModeSelect10Cdb::kUsage}, &C::mode_select_10},
    {{0x56, {}, "RESERVE(10)", Reserve10Cdb::kUsage}, &C::by_targed},
    {{0x57, {}, "RELEASE(10)", Reserve10Cdb::kUsage}, &C::by_targed},
    {{0x5a, {}, "MODE SENSE(10)", ModeSense10Cdb::kUsage}, &C::mode_sense_10},
    {{0x5e, {}, "PERSISTENT RESERVE IN", PersistentReserveInCdb::kUsage}, &C::by_targed},
    {{0x5f, {}, "PERSISTENT RESERVE OUT", PersistentReserveOutCdb::kUsage}, &C::by_targed},
    {{0xa0, {}, "REPORT LUNS", ReportLunsCdb::kUsage}, &C::by_targed},
    {{0xa3, 0x0c, "REPORT SUPPORTED OPERATION CODES", scsi::ReportSupportedOperationCodesCdb::kUsage},
     &C::report_operation_codes},
    {{0xa5, {}, "MOVE MEDIUM", MoveMediumCdb::kUsage}, &C::move_medium},
    {{0xa6, {}, "EXCHANGE MEDIUM", ExchangeMediumCdb::kUsage}, &C::exchange_medium},
    {{0xb5, {}, "REQUEST VOLUME ELEMENT ADDRESS", RequestVolumeElementAddressCdb::kUsage},
     &C::request_volume_element_address},
    {{0xb6, {}, "SEND VOLUME TAG", SendVolumeTagCdb::kUsage}, &C::send_volume_tag},
    {{0xb8, {}, "READ ELEMENT STATUS", ReadElementStatusCdb::kUsage}, &C::read_element_status},
    {{0xe7, {}, "INITIALIZE ELEMENT STATUS WITH RANGE, of old", InitializeElementStatusWithRangeCdb::kUsage},
     &C::initialize_element_status_with_range},
};

const ChangerTable::Row& ChangerTable::row(std::size_t index) {
    return kRows[index];
}

std::span<const CommandShape> ChangerTable::shapes() {
    static const std::vector<CommandShape> kShapes = shapes_of(kRows);
    return kShapes;
}

}  // namespace targe::vtl
