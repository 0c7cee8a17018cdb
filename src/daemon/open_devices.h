// All devices of a configuration, opened before anything serves.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"
#include "daemon/served_images.h"
#include "device/device.h"

#include <expected>
#include <memory>
#include <vector>

namespace targe::daemon {

using Devices = std::vector<std::unique_ptr<device::Device>>;

/// In the order of `config`. `drives` has as many, of which those of drives are there already; no two devices
/// may be one store. An image that is missing is made, unless `images` knows it. What keeps a store may not
/// answer: the log tells of that, and a start that has waited a minute for one is a problem.
[[nodiscard]] std::expected<Devices, admin::Problem> open_devices(const admin::Config& config,
                                                                  const ServedImages& images, Devices drives);

}  // namespace targe::daemon
