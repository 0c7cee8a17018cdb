// Log pages whose parameters come from elsewhere, as they are returned.
#pragma once

#include "scsi/parameter_writer.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::scsi {

/// A page that the unit's device fills.
struct DeviceLogPage {
    std::uint8_t code;
    std::span<const std::byte> parameters;  ///< as are_log_parameters() has it
};

/// Whether these are whole log parameters with ascending codes, [SPC-4 r37 7.3.2].
[[nodiscard]] bool are_log_parameters(std::span<const std::byte> bytes);

/// Those from the code `pointer` on. Returns the code of the last that there is, 0 where there is none.
std::uint16_t write_log_parameters(std::span<const std::byte> parameters, std::uint16_t pointer,
                                   ParameterWriter& out);

}  // namespace targe::scsi
