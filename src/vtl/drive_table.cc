#include "vtl/drive_table.h"

#include "scsi/report_supported_operation_codes.h"
#include "scsi/timestamp.h"
#include "vtl/stream_cdbs.h"
#include "vtl/unit_cdbs.h"

#include <vector>

namespace targe::vtl {

using D = Drive;
constexpr auto kNo = DriveTable::Needs::nothing;
constexpr auto kMedium = DriveTable::Needs::medium;

/// In the order of operation code, then service action.
const std::vector<DriveTable::Row> DriveTable::kRows{
    {{0x00, {}, "TEST UNIT READY", PlainCdb::kUsage}, kMedium, &D::test_unit_ready},
    {{0x01, {}, "REWIND", RewindCdb::kUsage}, kMedium, &D::rewind},
    {{0x03, {}, "REQUEST SENSE", RequestSenseCdb::kUsage}, kNo, &D::by_targed},
    {{0x04, {}, "FORMAT MEDIUM", FormatMediumCdb::kUsage}, kMedium, &D::format_medium},
    {{0x05, {}, "READ BLOCK LIMITS", ReadBlockLimitsCdb::kUsage}, kNo, &D::read_block_limits},
    {{0x08, {}, "READ(6)", Read6Cdb::kUsage}, kMedium, &D::read_6},
    {{0x0a, {}, "WRITE(6)", Write6Cdb::kUsage}, kMedium, &D::write_6},
    {{0x0b, {}, "SET CAPACITY", SetCapacityCdb::kUsage}, kMedium, &D::set_capacity},
    {{0x0f, {}, "READ REVERSE(6)", ReadReverse6Cdb::kUsage}, kMedium, &D::read_reverse_6},
    {{0x10, {}, "WRITE FILEMARKS(6)", WriteFilemarks6Cdb::kUsage}, kMedium, &D::write_filemarks_6},
    {{0x11, {}, "SPACE(6)", Space6Cdb::kUsage}, kMedium, &D::space_6},
    {{0x12, {}, "INQUIRY", InquiryCdb::kUsage}, kNo, &D::inquiry},
    {{0x13, {}, "VERIFY(6)", Verify6Cdb::kUsage}, kMedium, &D::verify_6},
    {{0x15, {}, "MODE SELECT(6)", ModeSelect6Cdb::kUsage}, kNo, &D::mode_select_6},
    {{0x16, {}, "RESERVE(6)", PlainCdb::kUsage}, kNo, &D::by_targed},
    {{0x17, {}, "RELEASE(6)", PlainCdb::kUsage}, kNo, &D::by_targed},
    {{0x19, {}, "ERASE(6)", EraseCdb::kUsage}, kMedium, &D::erase},
    {{0x1a, {}, "MODE SENSE(6)", ModeSense6Cdb::kUsage}, kNo, &D::mode_sense_6},
    {{0x1b, {}, "LOAD UNLOAD", LoadUnloadCdb::kUsage}, kNo, &D::load_unload},
    {{0x1c, {}, "RECEIVE DIAGNOSTIC RESULTS", ReceiveDiagnosticResultsCdb::kUsage},
     kNo,
     &D::receive_diagnostic_results},
    {{0x1d, {}, "SEND DIAGNOSTIC", SendDiagnosticCdb::kUsage}, kNo, &D::send_diagnostic},
    {{0x1e, {}, "PREVENT ALLOW MEDIUM REMOVAL", PreventAllowCdb::kUsage}, kNo, &D::prevent_allow},
    {{0x2b, {}, "LOCATE(10)", Locate10Cdb::kUsage}, kMedium, &D::locate_10},
    {{0x34, 0x00, "READ POSITION, short form", ReadPositionCdb::kUsage}, kMedium, &D::read_position},
    {{0x34, 0x01, "READ POSITION, vendor's addresses", ReadPositionCdb::kUsage}, kMedium, &D::read_position},
    {{0x34, 0x06, "READ POSITION, long form", ReadPositionCdb::kUsage}, kMedium, &D::read_position},
    {{0x34, 0x08, "READ POSITION, extended form", ReadPositionCdb::kUsage}, kMedium, &D::read_position},
    {{0x3c, {}, "READ BUFFER(10)", ReadBufferCdb::kUsage}, kNo, &D::read_buffer},
    {{0x44, {}, "REPORT DENSITY SUPPORT", ReportDensitySupportCdb::kUsage}, kNo, &D::report_density_support},
    {{0x4c, {}, "LOG SELECT", LogSelectCdb::kUsage}, kNo, &D::log_select},
    {{0x4d, {}, "LOG SENSE", LogSenseCdb::kUsage}, kNo, &D::log_sense},
    {{0x55, {}, "MODE SELECT(10)", ModeSelect10Cdb::kUsage}, kNo, &D::mode_select_10},
    {{0x56, {}, "RESERVE(10)", Reserve10Cdb::kUsage}, kNo, &D::by_targed},
    {{0x57, {}, "RELEASE(10)", Reserve10Cdb::kUsage}, kNo, &D::by_targed},
    {{0x5a, {}, "MODE SENSE(10)", ModeSense10Cdb::kUsage}, kNo, &D::mode_sense_10},
    {{0x5e, {}, "PERSISTENT RESERVE IN", PersistentReserveInCdb::kUsage}, kNo, &D::by_targed},
    {{0x5f, {}, "PERSISTENT RESERVE OUT", PersistentReserveOutCdb::kUsage}, kNo, &D::by_targed},
    {{0x82, {}, "ALLOW OVERWRITE", AllowOverwriteCdb::kUsage}, kMedium, &D::allow_overwrite},
    {{0x8c, {}, "READ ATTRIBUTE", ReadAttributeCdb::kUsage}, kMedium, &D::read_attribute},
    {{0x8d, {}, "WRITE ATTRIBUTE", WriteAttributeCdb::kUsage}, kMedium, &D::write_attribute},
    {{0x91, {}, "SPACE(16)", Space16Cdb::kUsage}, kMedium, &D::space_16},
    {{0x92, {}, "LOCATE(16)", Locate16Cdb::kUsage}, kMedium, &D::locate_16},
    {{0xa0, {}, "REPORT LUNS", ReportLunsCdb::kUsage}, kNo, &D::by_targed},
    {{0xa2, {}, "SECURITY PROTOCOL IN", SecurityProtocolCdb::kUsage}, kNo, &D::security_protocol_in},
    {{0xa3, 0x0c, "REPORT SUPPORTED OPERATION CODES", scsi::ReportSupportedOperationCodesCdb::kUsage},
     kNo,
     &D::report_operation_codes},
    {{0xa3, 0x0f, "REPORT TIMESTAMP", scsi::ReportTimestampCdb::kUsage}, kNo, &D::report_timestamp},
    {{0xa4, 0x0f, "SET TIMESTAMP", scsi::SetTimestampCdb::kUsage}, kNo, &D::set_timestamp},
    {{0xab, 0x01, "READ MEDIA SERIAL NUMBER", ReadMediaSerialNumberCdb::kUsage},
     kMedium,
     &D::read_media_serial_number},
    {{0xb5, {}, "SECURITY PROTOCOL OUT", SecurityProtocolCdb::kUsage}, kNo, &D::security_protocol_out},
};

const DriveTable::Row& DriveTable::row(std::size_t index) {
    return kRows[index];
}

std::span<const CommandShape> DriveTable::shapes() {
    static const std::vector<CommandShape> kShapes = shapes_of(kRows);
    return kShapes;
}

}  // namespace targe::vtl
