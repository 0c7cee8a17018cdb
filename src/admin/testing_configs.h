// Small configurations as values, and what is said of the difference between two.
#pragma once

#include "admin/config.h"
#include "admin/config_difference.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace targe::admin::testing {

inline std::vector<std::string> lines(const std::vector<ConfigChange>& changes) {
    std::vector<std::string> said;
    for (const ConfigChange& change : changes) {
        said.push_back(to_string(change));
    }
    return said;
}

inline DeviceConfig disk(const std::string& name) {
    return {.name = name, .handler = Handler::file, .path = "/srv/" + name};
}

inline TargetConfig target(std::string name, const std::vector<std::string>& devices) {
    TargetConfig made{.name = std::move(name)};
    for (std::uint16_t lun = 0; const std::string& device : devices) {
        made.luns.push_back({.lun = lun++, .device = device});
    }
    return made;
}

inline Config two_disks() {
    Config config;
    config.devices = {disk("disk0"), disk("disk1")};
    config.targets = {target("iqn.a:t", {"disk0", "disk1"})};
    return config;
}

inline DeviceGroupConfig pair(std::vector<std::string> devices) {
    return {.name = "pair",
            .devices = std::move(devices),
            .port_groups = {{.id = 1, .ports = {{.target = "iqn.a:t", .portal_group = 1}}}}};
}

}  // namespace targe::admin::testing
