// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS, [SPC-4 r37 6.36].
#pragma once

#include "scsi/parameter_writer.h"
#include "wire/field.h"

#include <cstddef>
#include <span>

namespace targe::scsi {

struct ReportSupportedTaskManagementFunctionsCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kReturnExtended = wire::bit(2, 7);  ///< REPD
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kReturnExtended, kAllocationLength});
};

/// Writes the parameter data in the basic form, or in the extended one when REPD asks for it. The functions
/// are those that the engine performs.
void report_supported_task_management_functions(
    std::span<const std::byte, ReportSupportedTaskManagementFunctionsCdb::kSize> cdb, ParameterWriter& out);

}  // namespace targe::scsi
