#include "scsi/report_supported_task_management_functions.h"

#include <cstdint>

namespace targe::scsi {

void report_supported_task_management_functions(
    std::span<const std::byte, ReportSupportedTaskManagementFunctionsCdb::kSize> cdb, ParameterWriter& out) {
    using L = ReportSupportedTaskManagementFunctionsCdb;
    constexpr unsigned kAbortTask = 0x80;               // ATS
    constexpr unsigned kAbortTaskSet = 0x40;            // ATSS
    constexpr unsigned kClearAca = 0x20;                // CACAS
    constexpr unsigned kClearTaskSet = 0x10;            // CTSS
    constexpr unsigned kLogicalUnitReset = 0x08;        // LURS
    constexpr unsigned kQueryTask = 0x04;               // QTS
    constexpr unsigned kQueryAsynchronousEvent = 0x04;  // QAES
    constexpr unsigned kQueryTaskSet = 0x02;            // QTSS
    constexpr unsigned kNexusReset = 0x01;              // ITNRS
    constexpr std::uint8_t kAdditionalLength = 0x0c;
    const bool extended = wire::get<L::kReturnExtended>(cdb) != 0;
    // The target resets that iSCSI has besides are no functions of [SAM-5 r21]; their bit is obsolete.
    out.u8(kAbortTask | kAbortTaskSet | kClearAca | kClearTaskSet | kLogicalUnitReset | kQueryTask);
    out.u8(kQueryAsynchronousEvent | kQueryTaskSet | kNexusReset);
    out.u8(0);
    out.u8(extended ? kAdditionalLength : 0);
    if (extended) {
        // TMFTMOV and all of the time-out selections are clear: there are none to tell.
        out.zeroes(kAdditionalLength);
    }
}

}  // namespace targe::scsi
