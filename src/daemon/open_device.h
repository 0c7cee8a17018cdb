// From what the administrator wrote about a device to what serves it.
#pragma once

#include "admin/config.h"
#include "admin/state_directory.h"
#include "device/device.h"
#include "device/open.h"
#include "scsi/unit_description.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

namespace targe::daemon {

[[nodiscard]] std::uint32_t reactors_of(const admin::Config& config);

/// Of one that is no drive. May block.
[[nodiscard]] std::expected<std::unique_ptr<device::Device>, device::OpenError> open_device(
    const admin::DeviceConfig& device, const admin::Config& config, device::SpaceTrials& trials);

/// Sees to it that the files that open_device() has made for them survive a power cut. May block.
void make_new_files_durable(const std::vector<admin::DeviceConfig>& devices, const admin::Config& config);

[[nodiscard]] scsi::UnitIdentity identity_of(const admin::DeviceConfig& device, const admin::Identity& made);
[[nodiscard]] scsi::DeviceType type_of(const admin::DeviceConfig& device);

}  // namespace targe::daemon
