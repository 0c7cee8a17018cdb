// Device groups of the configuration, as the engine has them.
#pragma once

#include "admin/config.h"
#include "admin/target_ports.h"
#include "engine/device_group.h"

#include <memory>

namespace targe::daemon {

[[nodiscard]] scsi::AccessState translated(admin::PathState state);

[[nodiscard]] engine::DeviceGroupSettings device_group_settings(const admin::DeviceGroupConfig& config,
                                                                const admin::TargetPorts& ports,
                                                                std::shared_ptr<engine::UnitStore> store);

}  // namespace targe::daemon
