// REPORT SUPPORTED OPERATION CODES, made from the command table, [SPC-4 r37 6.35].
#pragma once

#include "scsi/command_table.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <optional>
#include <span>

namespace targe::scsi {

struct ReportSupportedOperationCodesCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kReturnTimeouts = wire::bit(2, 7);  ///< RCTD
    static constexpr wire::Field kReportingOptions = wire::bits(2, 2, 0);
    static constexpr wire::Field kRequestedOpcode = wire::bytes(3, 3);
    static constexpr wire::Field kRequestedServiceAction = wire::bytes(4, 5);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kReturnTimeouts, kReportingOptions,
                                 kRequestedOpcode, kRequestedServiceAction, kAllocationLength});
};

/// Writes the parameter data, or says why not.
[[nodiscard]] std::optional<Sense> report_supported_operation_codes(
    std::span<const std::byte, ReportSupportedOperationCodesCdb::kSize> cdb, const UnitTraits& unit,
    ParameterWriter& out);

}  // namespace targe::scsi
