// INQUIRY: standard data and vital product data, [SPC-4 r37 6.6, 7.8].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"

#include <cstdint>
#include <optional>

namespace targe::scsi {

struct InquiryRequest {
    bool vital_product_data = false;  ///< EVPD
    std::uint8_t page_code = 0;
};

/// Answers INQUIRY to a logical unit that exists.
[[nodiscard]] std::optional<Sense> inquiry(const InquiryRequest& request, const UnitDescription& unit,
                                           const PortDescription& port, ParameterWriter& out);

/// Answers INQUIRY to a LUN that no unit has: PERIPHERAL QUALIFIER 011b, device type 1Fh.
[[nodiscard]] std::optional<Sense> inquiry_without_unit(const InquiryRequest& request,
                                                        const UnitIdentity& identity, ParameterWriter& out);

}  // namespace targe::scsi
