#include "daemon/engine_settings.h"

#include "base/assert.h"
#include "daemon/open_device.h"

#include <algorithm>
#include <string>
#include <utility>

namespace targe::daemon {
namespace {

std::vector<engine::LunEntry> entries(const std::vector<admin::LunConfig>& luns, const Serving& serving) {
    std::vector<engine::LunEntry> result;
    for (const admin::LunConfig& lun : luns) {
        const RunningDevice* const device = serving.find(lun.device);
        TARGE_ASSERT(device != nullptr);  // the configuration was checked
        result.push_back({.lun = lun.lun, .unit = device->unit, .read_only = lun.read_only});
    }
    return result;
}

std::shared_ptr<engine::DeviceGroup> group_of(const std::string& device, const Serving& serving) {
    const auto group = std::ranges::find_if(serving.groups, [&](const RunningDeviceGroup& each) {
        return std::ranges::find(each.config.devices, device) != each.config.devices.end();
    });
    return group == serving.groups.end() ? nullptr : group->group;
}

}  // namespace

engine::UnitSettings unit_settings(OpenedDevice opened, const Serving& serving) {
    const admin::DeviceConfig& config = opened.config;
    return {.name = config.name,
            .device = std::move(opened.device),
            .identity = identity_of(config, opened.identity),
            .type = type_of(config),
            .removable = config.removable,
            .thin = config.thin,
            .write_through = config.write_cache == admin::WriteCache::write_through,
            .read_only = config.read_only,
            .task_set_type = config.task_set == admin::TaskSets::shared ? scsi::TaskSetType::shared
                                                                        : scsi::TaskSetType::one_per_nexus,
            .max_commands = config.max_commands,
            .threshold_available_bytes = config.threshold_available_bytes,
            .threshold_used_bytes = config.threshold_used_bytes,
            .store = std::move(opened.store),
            .group = group_of(config.name, serving)};
}

engine::LunMaps maps_of(const admin::TargetConfig& target, const Serving& serving) {
    engine::LunMaps maps{
        .luns = entries(target.luns, serving), .groups = {}, .initiators = target.initiators};
    for (const admin::GroupConfig& group : target.groups) {
        maps.groups.push_back(
            {.name = group.name, .initiators = group.initiators, .luns = entries(group.luns, serving)});
    }
    return maps;
}

transport::TargetSettings session_settings(const admin::TargetConfig& config, engine::Target& target) {
    return {.name = config.name,
            .target = &target,
            .max_sessions = config.limits.max_sessions,
            .async_events = config.limits.async_events,
            .tuning = {.command_window = config.limits.queue_depth,
                       .nop_interval = config.limits.nop_interval,
                       .nop_timeout = config.limits.nop_timeout}};
}

std::vector<engine::TargetPort> ports_of(const admin::TargetConfig& target,
                                         const admin::TargetPorts& numbers) {
    std::vector<engine::TargetPort> ports;
    for (const admin::PortalConfig& portal : target.portals) {
        if (std::ranges::find(ports, portal.group, &engine::TargetPort::portal_group) == ports.end()) {
            ports.push_back({.portal_group = portal.group,
                             .relative_target_port = numbers.at({target.name, portal.group})});
        }
    }
    return ports;
}

}  // namespace targe::daemon
