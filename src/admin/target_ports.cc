#include "admin/target_ports.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string_view>

namespace targe::admin {
namespace {

using nlohmann::json;

constexpr std::string_view kFile = "target-ports";
constexpr unsigned kLargest = 65'535;

/// As iSCSI spells the name of a port.
std::string key_of(const PortConfig& port) {
    return fmt::format("{},t,0x{:04x}", port.target, port.portal_group);
}

/// Nothing when it is not what was stored.
std::optional<json> parse(const std::string& content) {
    json root = json::parse(content, nullptr, false);
    if (!root.is_object()) {
        return std::nullopt;
    }
    for (const auto& [name, number] : root.items()) {
        if (!number.is_number_unsigned() || number.get<std::uint64_t>() == 0 ||
            number.get<std::uint64_t>() > kLargest) {
            return std::nullopt;
        }
    }
    return root;
}

std::expected<json, Problem> known_ports(const StateDirectory& state) {
    const auto content = state.load(kFile);
    if (!content) {
        return std::unexpected(content.error());
    }
    auto known = *content ? parse(**content) : std::optional(json::object());
    if (!known) {
        return std::unexpected(
            Problem{.what = fmt::format("the state file {}/{} is not understood", state.path(), kFile),
                    .cause = "its checksum is right, so it was changed by a program",
                    .cure = "put it back from a backup, or move it away: ports are numbered anew"});
    }
    return *std::move(known);
}

std::uint16_t free_number(const std::set<std::uint16_t>& taken) {
    std::uint16_t number = 1;
    while (taken.contains(number)) {
        ++number;
    }
    return number;
}

}  // namespace

std::expected<TargetPorts, Problem> target_ports(StateDirectory& state,
                                                 std::span<const TargetConfig> targets) {
    const auto stored = known_ports(state);
    if (!stored) {
        return std::unexpected(stored.error());
    }
    json known = *stored;
    TargetPorts ports;
    std::set<std::uint16_t> taken;
    for (const TargetConfig& target : targets) {
        for (const PortalConfig& portal : target.portals) {
            if (portal.relative_port) {
                ports[{.target = target.name, .portal_group = portal.group}] = *portal.relative_port;
                taken.insert(*portal.relative_port);
            }
        }
    }
    const std::set<std::uint16_t> configured = taken;
    for (const auto& [name, number] : known.items()) {
        taken.insert(number.get<std::uint16_t>());
    }
    for (const TargetConfig& target : targets) {
        for (const PortalConfig& portal : target.portals) {
            const PortConfig port{.target = target.name, .portal_group = portal.group};
            if (ports.contains(port)) {
                continue;
            }
            const auto before = known.find(key_of(port));
            const bool usable = before != known.end() && !configured.contains(before->get<std::uint16_t>());
            const std::uint16_t number = usable ? before->get<std::uint16_t>() : free_number(taken);
            taken.insert(number);
            known[key_of(port)] = number;
            ports.emplace(port, number);
        }
    }
    if (known != *stored) {
        if (auto kept = state.store(kFile, known.dump(1) + "\n"); !kept) {
            return std::unexpected(kept.error());
        }
    }
    return ports;
}

}  // namespace targe::admin
