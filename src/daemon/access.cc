#include "daemon/access.h"

#include "daemon/access_hook.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace targe::daemon {

scsi::AccessState translated(admin::PathState state) {
    switch (state) {
        case admin::PathState::active_optimized:
            return scsi::AccessState::active_optimized;
        case admin::PathState::active_non_optimized:
            return scsi::AccessState::active_non_optimized;
        case admin::PathState::standby:
            return scsi::AccessState::standby;
        case admin::PathState::unavailable:
            return scsi::AccessState::unavailable;
        case admin::PathState::offline:
            return scsi::AccessState::offline;
        case admin::PathState::transitioning:
            return scsi::AccessState::transitioning;
    }
    __builtin_unreachable();
}

engine::DeviceGroupSettings device_group_settings(const admin::DeviceGroupConfig& config,
                                                  const admin::TargetPorts& ports,
                                                  std::shared_ptr<engine::UnitStore> store) {
    engine::DeviceGroupSettings settings{.name = config.name,
                                         .access = {},
                                         .transition_hold = config.transition_hold,
                                         .store = std::move(store)};
    settings.access.set_by_command = config.set_by_initiators;
    if (!config.hook.empty()) {
        settings.hook = std::make_shared<ProgramHook>(config.hook, config.hook_timeout);
        constexpr std::chrono::seconds kLongest{255};
        settings.access.longest_transition_s = static_cast<std::uint8_t>(
            std::min(kLongest, std::chrono::ceil<std::chrono::seconds>(config.hook_timeout)).count());
    }
    for (const admin::PortGroupConfig& each : config.port_groups) {
        scsi::TargetPortGroup group{
            .id = each.id, .state = translated(each.state), .preferred = each.preferred};
        for (const admin::PortConfig& port : each.ports) {
            group.ports.push_back(ports.at(port));
        }
        for (const admin::RemotePortConfig& port : each.remote_ports) {
            group.ports.push_back(port.relative_port);
        }
        settings.access.groups.push_back(std::move(group));
    }
    return settings;
}

}  // namespace targe::daemon
