// Whether two devices are one store under two names.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"

#include <optional>
#include <span>

namespace targe::daemon {

/// Two of the devices, whose stores are there, that are the same file or block device, and of which one may
/// write it. The configuration is checked for two that have one path, and not every file system has the locks
/// that keep links to one file apart.
[[nodiscard]] std::optional<admin::Problem> one_store_twice(std::span<const admin::DeviceConfig> devices);

}  // namespace targe::daemon
