// [[device_group]]: by which ports devices are reached how well.
#include "admin/config_parts.h"
#include "admin/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace targe::admin {
namespace {

constexpr auto kStates = std::to_array<std::pair<std::string_view, PathState>>({
    {"active/optimized", PathState::active_optimized},
    {"active/non-optimized", PathState::active_non_optimized},
    {"standby", PathState::standby},
    {"unavailable", PathState::unavailable},
    {"offline", PathState::offline},
    {"transitioning", PathState::transitioning},
});

/// TARGET PORT COUNT is one byte, [SPC-4 r37 6.37].
constexpr std::size_t kMostPorts = 255;

void read_ports(const Section& section, PortGroupConfig& group, std::vector<Place>& places) {
    section.read_array("ports", [&](const Value& value) {
        const Section one(section.reading(), "ports", value);
        PortConfig port;
        const auto place = one.read_string("target", port.target);
        one.read_integer<std::uint16_t>("portal_group", port.portal_group, 1, 65'535);
        if (place) {
            if (const auto name = parse_iscsi_name(port.target)) {
                port.target = *name;  // in lower case, as targets are
            }
            group.ports.push_back(std::move(port));
            places.push_back(*place);
        } else if (value.as<Value::Table>() != nullptr && !one.has("target")) {
            one.missing("target", "the name of a [[target]]");
        }
    });
}

void read_remote_ports(const Section& section, PortGroupConfig& group) {
    section.read_array("remote_ports", [&](const Value& value) {
        const Section one(section.reading(), "remote_ports", value);
        RemotePortConfig port;
        one.read_string("target", port.target);
        const auto number = one.read_integer<std::uint16_t>("relative_port", port.relative_port, 1, 65'535);
        if (number) {
            group.remote_ports.push_back(std::move(port));
        } else if (value.as<Value::Table>() != nullptr && !one.has("relative_port")) {
            one.missing("relative_port", "the number that the other daemon gives the port");
        }
    });
}

PortGroupConfig read_port_group(Reading& reading, const Value& value, std::vector<Place>& places) {
    const Section section(reading, "[[device_group.port_group]]", value);
    PortGroupConfig group;
    section.read_integer<std::uint16_t>("id", group.id, 0, 65'535);
    if (!section.has("id")) {
        section.missing("id", "number the groups: id = 1");
    }
    section.read_choice<PathState>("state", group.state, kStates);
    section.read_bool("preferred", group.preferred);
    read_ports(section, group, places);
    read_remote_ports(section, group);
    if (group.ports.size() + group.remote_ports.size() > kMostPorts) {
        reading.problems.error(section.place(), "the port group has too many ports",
                               fmt::format("REPORT TARGET PORT GROUPS has room for {}", kMostPorts));
    }
    return group;
}

void read_port_groups(const Section& section, PlacedDeviceGroup& placed) {
    std::map<std::uint16_t, Place> first;
    section.read_array("port_group", [&](const Value& value) {
        Reading& reading = section.reading();
        PortGroupConfig group = read_port_group(reading, value, placed.ports);
        const auto [earlier, fresh] = first.emplace(group.id, value.place);
        if (!fresh) {
            reading.problems.error(value.place, fmt::format("two port groups have the id {}", group.id),
                                   fmt::format("the other one is at {}", line_text(earlier->second)));
        }
        placed.group.port_groups.push_back(std::move(group));
    });
    if (!section.has("port_group")) {
        section.missing("port_group", "[[device_group.port_group]] with id, state and ports");
    }
}

const TargetConfig* find(const std::vector<PlacedTarget>& targets, std::string_view name) {
    const auto at = std::ranges::find_if(targets, [&](const auto& each) { return each.target.name == name; });
    return at == targets.end() ? nullptr : &at->target;
}

bool has_portal_group(const TargetConfig& target, std::uint16_t tag) {
    return std::ranges::find(target.portals, tag, &PortalConfig::group) != target.portals.end();
}

void ports_exist(Reading& reading, const PlacedDeviceGroup& placed,
                 const std::vector<PlacedTarget>& targets) {
    std::vector<std::string_view> names;
    for (const PlacedTarget& each : targets) {
        names.push_back(each.target.name);
    }
    std::set<PortConfig> seen;
    std::size_t at = 0;
    for (const PortGroupConfig& group : placed.group.port_groups) {
        for (const PortConfig& port : group.ports) {
            const Place place = placed.ports.at(at++);
            const TargetConfig* const target = find(targets, port.target);
            if (target == nullptr) {
                report_unknown_name(reading, place, "target", port.target, names);
            } else if (!has_portal_group(*target, port.portal_group)) {
                reading.problems.error(
                    place, fmt::format("the target has no portal group {}", port.portal_group),
                    "none of its 'portals' says so", "take a 'group' of one of its portals, or add a portal");
            } else if (!seen.insert(port).second) {
                reading.problems.error(place, "the port is in the device group twice",
                                       "a port is in one target port group of a device");
            }
        }
    }
}

bool maps(const TargetConfig& target, const std::vector<std::string>& devices) {
    const auto any_of = [&](const std::vector<LunConfig>& luns) {
        return std::ranges::any_of(luns, [&](const LunConfig& lun) {
            return std::ranges::find(devices, lun.device) != devices.end();
        });
    };
    return any_of(target.luns) ||
           std::ranges::any_of(target.groups, [&](const GroupConfig& group) { return any_of(group.luns); });
}

/// A path that is in no group would lead nowhere, and nobody would know why.
void every_path_is_in_a_group(Reading& reading, const PlacedDeviceGroup& placed,
                              const std::vector<PlacedTarget>& targets) {
    std::set<PortConfig> listed;
    for (const PortGroupConfig& group : placed.group.port_groups) {
        listed.insert(group.ports.begin(), group.ports.end());
    }
    for (const PlacedTarget& each : targets) {
        if (!maps(each.target, placed.group.devices)) {
            continue;
        }
        std::set<std::uint16_t> missing;
        for (const PortalConfig& portal : each.target.portals) {
            if (!listed.contains({.target = each.target.name, .portal_group = portal.group})) {
                missing.insert(portal.group);
            }
        }
        for (const std::uint16_t tag : missing) {
            reading.problems.error(
                placed.place,
                fmt::format("portal group {} of the target {} is in no port group", tag, each.target.name),
                "the target maps devices of this device group, so initiators would find a path that leads "
                "nowhere",
                fmt::format("ports = [{{ target = \"{}\", portal_group = {} }}] in one of its port groups",
                            each.target.name, tag));
        }
    }
}

}  // namespace

PlacedDeviceGroup read_device_group(Reading& reading, const Value& value) {
    using std::chrono::milliseconds;
    const Section section(reading, "[[device_group]]", value);
    PlacedDeviceGroup placed{.group = {}, .place = section.place(), .devices = {}, .ports = {}};
    DeviceGroupConfig& group = placed.group;
    if (const auto place = section.read_string("name", group.name); place && !is_plain_name(group.name)) {
        reading.problems.error(*place, fmt::format("\"{}\" is no name of a device group", group.name), {},
                               fmt::format("up to {} of A-Z a-z 0-9 - _ .", kLongestPlainName));
    }
    if (!section.has("name")) {
        section.missing("name", "such as name = \"pair\"");
    }
    section.read_strings("devices", [&](Place place, const std::string& name) {
        group.devices.push_back(name);
        placed.devices.push_back(place);
    });
    section.read_bool("explicit", group.set_by_initiators);
    section.read_duration("transition_hold", group.transition_hold, milliseconds{0}, milliseconds{60'000});
    section.read_path("hook", group.hook);
    section.read_duration("hook_timeout", group.hook_timeout, milliseconds{100}, milliseconds{120'000});
    read_port_groups(section, placed);
    return placed;
}

void check_device_groups(Reading& reading, const std::vector<PlacedDeviceGroup>& groups,
                         const std::vector<PlacedDevice>& devices, const std::vector<PlacedTarget>& targets) {
    std::vector<std::string_view> names;
    for (const PlacedDevice& each : devices) {
        names.push_back(each.device.name);
    }
    std::map<std::string, Place> named;
    std::map<std::string, Place> grouped;
    for (const PlacedDeviceGroup& placed : groups) {
        if (const auto [earlier, fresh] = named.emplace(placed.group.name, placed.place); !fresh) {
            reading.problems.error(placed.place,
                                   fmt::format("two device groups have the name \"{}\"", placed.group.name),
                                   fmt::format("the other one is at {}", line_text(earlier->second)));
        }
        for (std::size_t i = 0; i < placed.group.devices.size(); ++i) {
            const std::string& device = placed.group.devices[i];
            if (std::ranges::find(names, device) == names.end()) {
                report_unknown_name(reading, placed.devices[i], "device", device, names);
            } else if (const auto [earlier, fresh] = grouped.emplace(device, placed.devices[i]); !fresh) {
                reading.problems.error(placed.devices[i],
                                       fmt::format("the device \"{}\" is in two device groups", device),
                                       fmt::format("the other one is at {}", line_text(earlier->second)));
            }
        }
        ports_exist(reading, placed, targets);
        every_path_is_in_a_group(reading, placed, targets);
    }
}

}  // namespace targe::admin
