// What a configuration means for targets and units.
#pragma once

#include "daemon/open_devices.h"
#include "daemon/serving.h"
#include "engine/logical_unit.h"
#include "engine/target.h"
#include "transport/iscsi_service.h"

#include <vector>

namespace targe::daemon {

/// In the device group of `serving` that lists it.
[[nodiscard]] engine::UnitSettings unit_settings(OpenedDevice opened, const Serving& serving);
/// Every device that the target names is among those of `serving`.
[[nodiscard]] engine::LunMaps maps_of(const admin::TargetConfig& target, const Serving& serving);
/// What sessions with `target` are given.
[[nodiscard]] transport::TargetSettings session_settings(const admin::TargetConfig& config,
                                                         engine::Target& target);
[[nodiscard]] std::vector<engine::TargetPort> ports_of(const admin::TargetConfig& target,
                                                       const admin::TargetPorts& numbers);

}  // namespace targe::daemon
