// What runs, as a value. Whoever looks at it keeps it whole while a reload puts another one in its place.
#pragma once

#include "admin/config.h"
#include "admin/identity.h"
#include "admin/target_ports.h"
#include "daemon/unit_store.h"
#include "engine/device_group.h"
#include "engine/logical_unit.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace targe::daemon {

struct RunningDevice {
    admin::DeviceConfig config;
    admin::Identity identity;
    std::shared_ptr<DirectoryUnitStore> store;  ///< to be used as it says
    std::shared_ptr<engine::LogicalUnit> unit;
};

struct RunningDeviceGroup {
    admin::DeviceGroupConfig config;
    std::shared_ptr<engine::DeviceGroup> group;
};

struct Serving {
    admin::Config config;
    admin::TargetPorts ports;
    std::vector<RunningDevice> devices;      ///< in the order of `config`
    std::vector<RunningDeviceGroup> groups;  ///< the same

    /// Null: there is none of this name.
    [[nodiscard]] const RunningDevice* find(std::string_view device) const {
        const auto at =
            std::ranges::find(devices, device, [](const RunningDevice& each) { return each.config.name; });
        return at == devices.end() ? nullptr : &*at;
    }
};

}  // namespace targe::daemon
