#include "admin/config_parts.h"
#include "admin/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace targe::admin {
namespace {

constexpr auto kDigests = std::to_array<std::pair<std::string_view, DigestPolicy>>({
    {"off", DigestPolicy::off},
    {"allow", DigestPolicy::allow},
    {"prefer", DigestPolicy::prefer},
    {"require", DigestPolicy::require},
});

// The largest LUN that flat space addressing can say [SAM-5 r21 4.7.7].
constexpr std::uint16_t kLargestLun = 16'383;
constexpr std::size_t kLongestAlias = 255;

void read_name(const Section& section, TargetConfig& target) {
    std::string text;
    if (!section.has("name")) {
        section.missing("name", "such as name = \"iqn.2026-11.com.example:disk\"");
    }
    const auto place = section.read_string("name", text);
    if (!place) {
        return;
    }
    if (auto name = parse_iscsi_name(text)) {
        target.name = *name;
    } else {
        section.reading().problems.error(*place, fmt::format("\"{}\" is no iSCSI name", text), name.error());
    }
}

std::optional<Endpoint> endpoint(Reading& reading, std::string_view key, Place place, std::string_view text,
                                 AddressForm form) {
    auto parsed = parse_endpoint(text, form);
    if (!parsed) {
        reading.problems.error(place, fmt::format("'{}' has a bad address: \"{}\"", key, text),
                               parsed.error(), "write it like \"192.0.2.1:3260\" or \"[2001:db8::1]:3260\"");
        return std::nullopt;
    }
    if (form == AddressForm::any && is_wildcard(*parsed)) {
        reading.problems.error(place, fmt::format("'{}' cannot be \"{}\"", key, text),
                               "initiators are told to connect to it",
                               "write an address that they can reach");
        return std::nullopt;
    }
    return *parsed;
}

std::optional<PortalConfig> read_portal(Reading& reading, const Value& value) {
    PortalConfig portal;
    if (const auto* const text = value.as<std::string>()) {
        const auto listen = endpoint(reading, "portals", value.place, *text, AddressForm::numeric);
        if (!listen) {
            return std::nullopt;
        }
        portal.listen = *listen;
        return portal;
    }
    if (value.as<Value::Table>() == nullptr) {
        reading.problems.error(value.place, fmt::format("'portals' has {} in it", kind_of(value)), {},
                               "write an address, as in \"192.0.2.1:3260\", or a table: { listen = \"…\" }");
        return std::nullopt;
    }
    const Section section(reading, "portals", value);
    std::string text;
    std::optional<Endpoint> listen;
    if (const auto place = section.read_string("listen", text)) {
        listen = endpoint(reading, "listen", *place, text, AddressForm::numeric);
    } else if (!section.has("listen")) {
        section.missing("listen", "listen = \"0.0.0.0:3260\"");
    }
    if (const auto place = section.read_string("advertise", text)) {
        portal.advertise = endpoint(reading, "advertise", *place, text, AddressForm::any);
    }
    section.read_integer<std::uint16_t>("group", portal.group, 1, 65'535);
    std::uint16_t relative_port = 1;
    if (section.read_integer<std::uint16_t>("relative_port", relative_port, 1, 65'535)) {
        portal.relative_port = relative_port;
    }
    if (!listen) {
        return std::nullopt;
    }
    portal.listen = *listen;
    return portal;
}

void read_portals(const Section& section, PlacedTarget& placed) {
    if (!section.has("portals")) {
        placed.portals.assign(placed.target.portals.size(), section.place());
        return;
    }
    placed.target.portals.clear();
    bool any = false;
    section.read_array("portals", [&](const Value& value) {
        any = true;
        if (auto portal = read_portal(section.reading(), value)) {
            placed.target.portals.push_back(std::move(*portal));
            placed.portals.push_back(value.place);
        }
    });
    const Entry& entry = *section.find("portals");
    if (!any && entry.value.as<Value::Array>() != nullptr) {
        section.reading().problems.error(entry.place, "'portals' is empty", "nobody could reach the target",
                                         "take the line out to listen on every IPv4 address");
    }
}

void read_luns(const Section& section, std::vector<LunConfig>& luns, PlacedTarget& placed) {
    std::map<std::uint16_t, Place> first;
    Reading& reading = section.reading();
    section.read_array("luns", [&](const Value& value) {
        const Section one(reading, "luns", value);
        LunConfig lun;
        const auto number = one.read_integer<std::uint16_t>("lun", lun.lun, 0, kLargestLun);
        const auto device = one.read_string("device", lun.device);
        one.read_bool("read_only", lun.read_only);
        if (value.as<Value::Table>() != nullptr) {
            if (!one.has("lun")) {
                one.missing("lun", "number it from 0, which every initiator asks first: lun = 0");
            }
            if (!one.has("device")) {
                one.missing("device", "the name of a [[device]]");
            }
        }
        if (device) {
            placed.devices.emplace_back(lun.device, *device);
        }
        if (number) {
            const auto [earlier, fresh] = first.emplace(lun.lun, *number);
            if (!fresh) {
                reading.problems.error(*number, fmt::format("LUN {} is there twice", lun.lun),
                                       fmt::format("the other one is at {}", line_text(earlier->second)));
            }
        }
        if (number && device) {
            luns.push_back(std::move(lun));
        }
    });
}

std::vector<std::string> read_patterns(const Section& section, std::string_view key) {
    std::vector<std::string> patterns;
    section.read_strings(key, [&](Place place, const std::string& pattern) {
        if (pattern == "!" || pattern.find('!', 1) != std::string::npos) {
            section.reading().problems.error(
                place, fmt::format("\"{}\" is no pattern", pattern),
                "'!' stands before a whole pattern, and turns it round",
                "write it like \"iqn.1993-08.org.debian:*\" or \"!iqn.1993-08.org.debian:guest\"");
        } else {
            patterns.push_back(pattern);
        }
    });
    return patterns;
}

GroupConfig read_group(const Value& value, Reading& reading, PlacedTarget& placed) {
    const Section section(reading, "[[target.group]]", value);
    GroupConfig group;
    section.read_ascii("name", group.name, 64);
    if (!section.has("name")) {
        section.missing("name", "such as name = \"cluster-a\"");
    }
    group.initiators = read_patterns(section, "initiators");
    if (!section.has("initiators")) {
        section.missing("initiators",
                        "patterns of initiator names: initiators = [\"iqn.1993-08.org.debian:*\"]");
    }
    read_luns(section, group.luns, placed);
    return group;
}

void read_groups(const Section& section, PlacedTarget& placed) {
    Reading& reading = section.reading();
    std::map<std::string, Place> first;
    std::optional<std::string> takes_all;
    section.read_array("group", [&](const Value& value) {
        GroupConfig group = read_group(value, reading, placed);
        const auto [earlier, fresh] = first.emplace(group.name, value.place);
        if (!fresh && !group.name.empty()) {
            reading.problems.error(value.place, fmt::format("two groups have the name \"{}\"", group.name),
                                   fmt::format("the other one is at {}", line_text(earlier->second)));
        }
        if (takes_all) {
            reading.problems.warn(
                value.place, fmt::format("nobody gets into the group \"{}\"", group.name),
                fmt::format("the group \"{}\" before it takes every initiator, and the first "
                            "group that matches is the one that counts",
                            *takes_all),
                "put the more particular group first");
        }
        if (!takes_all && group.initiators == std::vector<std::string>{"*"}) {
            takes_all = group.name;
        }
        placed.target.groups.push_back(std::move(group));
    });
}

void read_redirect(const Section& section, TargetConfig& target) {
    const Entry* const entry = section.find("redirect");
    if (entry == nullptr) {
        return;
    }
    Reading& reading = section.reading();
    const Section table(reading, "redirect", entry->value);
    RedirectConfig redirect;
    std::string text;
    std::optional<Endpoint> address;
    if (const auto place = table.read_string("address", text)) {
        address = endpoint(reading, "address", *place, text, AddressForm::any);
    } else if (entry->value.as<Value::Table>() != nullptr && !table.has("address")) {
        table.missing("address", "where initiators shall go instead: address = \"192.0.2.1:3260\"");
    }
    table.read_integer<std::uint16_t>("group", redirect.group, 1, 65'535);
    table.read_bool("permanent", redirect.permanent);
    if (address) {
        redirect.address = *address;
        target.redirect = redirect;
    }
}

}  // namespace

PlacedTarget read_target(Reading& reading, const Value& value) {
    const Section section(reading, "[[target]]", value);
    PlacedTarget placed;
    placed.place = section.place();
    TargetConfig& target = placed.target;
    read_name(section, target);
    section.read_string("alias", target.alias);
    if (target.alias.size() > kLongestAlias) {
        reading.problems.error(
            section.find("alias")->value.place,
            fmt::format("'alias' has {} bytes, and {} are the most", target.alias.size(), kLongestAlias));
    }
    read_portals(section, placed);
    target.allowed_portals = read_patterns(section, "allowed_portals");
    if (section.has("initiators")) {
        target.initiators = read_patterns(section, "initiators");
    }
    read_luns(section, target.luns, placed);
    read_groups(section, placed);
    if (const Entry* const auth = section.find("auth")) {
        target.auth = read_auth(reading, auth->value);
    }
    section.read_choice<DigestPolicy>("header_digest", target.header_digest, kDigests);
    section.read_choice<DigestPolicy>("data_digest", target.data_digest, kDigests);
    read_redirect(section, target);
    target.limits = read_session_limits(section);
    return placed;
}

}  // namespace targe::admin
