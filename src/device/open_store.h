// Opening what a path names. Only for open().
#pragma once

#include "device/open.h"

namespace targe::device {

[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open_file_device(const DeviceConfig& config);
[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open_block_device(const DeviceConfig& config);

}  // namespace targe::device
