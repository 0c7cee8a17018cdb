#include "admin/config_keys.h"
#include "admin/config_parts.h"
#include "admin/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace targe::admin {
namespace {

void names_apart(Reading& reading, const std::vector<PlacedTarget>& targets) {
    std::map<std::string, Place> first;
    for (const PlacedTarget& placed : targets) {
        if (placed.target.name.empty()) {
            continue;
        }
        const auto [earlier, fresh] = first.emplace(placed.target.name, placed.place);
        if (!fresh) {
            reading.problems.error(placed.place,
                                   fmt::format("two targets have the name \"{}\"", placed.target.name),
                                   fmt::format("the other one is at {}", line_text(earlier->second)),
                                   "rename one of them, or put the LUNs of both into one");
        }
    }
}

void devices_exist(Reading& reading, const std::vector<PlacedTarget>& targets,
                   const std::vector<PlacedDevice>& devices) {
    std::vector<std::string_view> names;
    for (const PlacedDevice& placed : devices) {
        if (!placed.device.name.empty() && std::ranges::find(names, placed.device.name) == names.end()) {
            names.push_back(placed.device.name);
        }
    }
    for (const PlacedTarget& target : targets) {
        for (const auto& [name, place] : target.devices) {
            if (std::ranges::find(names, name) != names.end()) {
                continue;
            }
            report_unknown_name(reading, place, "device", name, names);
        }
    }
}

/// What is served to nobody was most likely meant for somebody.
void warn_of_what_nobody_sees(Reading& reading, const std::vector<PlacedTarget>& targets,
                              const std::vector<PlacedDevice>& devices) {
    for (const PlacedDevice& placed : devices) {
        const bool mapped = std::ranges::any_of(targets, [&](const PlacedTarget& target) {
            return std::ranges::find(target.devices, placed.device.name,
                                     &std::pair<std::string, Place>::first) != target.devices.end();
        });
        if (!mapped) {
            reading.problems.warn(placed.place,
                                  fmt::format("no initiator sees the device \"{}\"", placed.device.name),
                                  "no target has it among its 'luns'",
                                  fmt::format("luns = [{{ lun = 0, device = \"{}\" }}]", placed.device.name));
        }
    }
    for (const PlacedTarget& placed : targets) {
        if (placed.devices.empty() && !placed.target.redirect) {
            reading.problems.warn(
                placed.place, fmt::format("the target \"{}\" has no LUN", placed.target.name),
                "initiators can log in, and find nothing there", "luns = [{ lun = 0, device = \"…\" }]");
        }
    }
}

/// 0.0.0.0 takes a port on every IPv4 address, so that nothing else can listen there; likewise ::.
bool in_the_way(const Endpoint& a, const Endpoint& b) {
    return a.port == b.port && a.address != b.address && is_ipv6(a) == is_ipv6(b) &&
           (is_wildcard(a) || is_wildcard(b));
}

/// Targets share a listening address freely; one target has it once, and a wildcard has it alone.
void portals_apart(Reading& reading, const std::vector<PlacedTarget>& targets) {
    std::map<Endpoint, Place> listening;
    for (const PlacedTarget& placed : targets) {
        std::map<Endpoint, Place> own;
        for (std::size_t i = 0; i < placed.target.portals.size(); ++i) {
            const Endpoint& listen = placed.target.portals[i].listen;
            const Place place = placed.portals[i];
            if (const auto [earlier, fresh] = own.emplace(listen, place); !fresh) {
                reading.problems.error(place,
                                       fmt::format("the target has the portal {} twice", to_string(listen)),
                                       fmt::format("the other one is at {}", line_text(earlier->second)));
            }
            if (!listening.emplace(listen, place).second) {
                continue;
            }
            for (const auto& [other, where] : listening) {
                if (in_the_way(listen, other)) {
                    reading.problems.error(
                        place,
                        fmt::format("{} and {} cannot both be listened on", to_string(listen),
                                    to_string(other)),
                        fmt::format("one of them is every address; the other one is at {}", line_text(where)),
                        "name the same addresses for both targets, and use 'allowed_portals' to tell them "
                        "apart");
                }
            }
        }
    }
}

/// A port has one relative target port identifier, and no two ports have the same.
void port_numbers_apart(Reading& reading, const std::vector<PlacedTarget>& targets) {
    std::map<std::uint16_t, PortConfig> taken;
    std::map<PortConfig, std::uint16_t> numbers;
    for (const PlacedTarget& placed : targets) {
        for (std::size_t i = 0; i < placed.target.portals.size(); ++i) {
            const PortalConfig& portal = placed.target.portals[i];
            if (!portal.relative_port) {
                continue;
            }
            const PortConfig port{.target = placed.target.name, .portal_group = portal.group};
            const bool twice =
                numbers.emplace(port, *portal.relative_port).first->second != *portal.relative_port;
            if (twice || taken.emplace(*portal.relative_port, port).first->second != port) {
                reading.problems.error(
                    placed.portals[i],
                    fmt::format("'relative_port' cannot be {} here", *portal.relative_port),
                    twice ? "another portal of this group has another number"
                          : "another port has this number",
                    "one number for each portal group of each target");
            }
        }
    }
}

}  // namespace

void report_unknown_name(Reading& reading, Place place, std::string_view kind, std::string_view name,
                         std::span<const std::string_view> names) {
    constexpr std::size_t kShown = 8;
    const std::string_view near = nearest(names, name);
    reading.problems.error(
        place, fmt::format("there is no {} \"{}\"", kind, name),
        near.empty() ? std::string{} : fmt::format("probably \"{}\" is meant", near),
        names.empty()
            ? fmt::format("add a [[{}]] of that name", kind)
            : fmt::format("one of {}", fmt::join(names.first(std::min(names.size(), kShown)), ", ")));
}

void check_targets(Reading& reading, const std::vector<PlacedTarget>& targets,
                   const std::vector<PlacedDevice>& devices) {
    names_apart(reading, targets);
    devices_exist(reading, targets, devices);
    portals_apart(reading, targets);
    port_numbers_apart(reading, targets);
    if (!reading.problems.failed() && !targets.empty()) {
        warn_of_what_nobody_sees(reading, targets, devices);
    }
}

}  // namespace targe::admin
