#include "cli/render.h"

#include "cli/table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using Align = Table::Align;

const Json& field(const Json& object, const char* key) {
    static const Json none;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found == object.end() ? none : *found;
}

std::string text(const Json& object, const char* key) {
    const Json& value = field(object, key);
    if (value.is_string()) {
        return value.get<std::string>();
    }
    return value.is_number() ? value.dump() : std::string{};
}

std::uint64_t number(const Json& object, const char* key) {
    const Json& value = field(object, key);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool flag(const Json& object, const char* key) {
    const Json& value = field(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::string bytes(const Json& object, const char* key) {
    return bytes_for_people(number(object, key));
}

/// A list of at most one item is a list all the same.
std::vector<Json> items(const Json& value) {
    if (value.is_array()) {
        return value.get<std::vector<Json>>();
    }
    return value.is_object() ? std::vector<Json>{value} : std::vector<Json>{};
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) {
        out += (out.empty() ? "" : ", ") + part;
    }
    return out;
}

/// "2: 3 connections and 41 % busy, 2 connections and 3 % busy"
std::string reactors(const Json& result) {
    std::vector<std::string> each;
    for (const Json& one : items(field(result, "reactor_use"))) {
        each.push_back(fmt::format("{} connections and {:.0f} % busy", number(one, "connections"),
                                   100 * one.value("busy", 0.0)));
    }
    return fmt::format("{}: {}", number(result, "reactors"), joined(each));
}

std::string status(const Json& result) {
    const Json& buffers = field(result, "buffers");
    return fmt::format(
        "targed {} is {} (process {}, up {})\n"
        "configuration  {}\n"
        "reactors       {}\n"
        "               {} sessions moved from one to another\n"
        "targets        {}\n"
        "devices        {}\n"
        "sessions       {} on {} connections\n"
        "buffers        {} of {} on loan, {} held; {} hits, {} misses, {} refused\n",
        printable(text(result, "version")), printable(text(result, "state")), text(result, "pid"),
        seconds_for_people(number(result, "uptime_seconds")), printable(text(result, "config_file")),
        reactors(result), number(result, "sessions_moved"), number(result, "targets"),
        number(result, "devices"), number(result, "sessions"), number(result, "connections"),
        bytes(buffers, "on_loan_bytes"), bytes(buffers, "limit_bytes"), bytes(buffers, "held_bytes"),
        number(buffers, "hits"), number(buffers, "misses"), number(buffers, "refused"));
}

std::string sessions(const Json& result) {
    Table table({{"ID", Align::right},
                 {"INITIATOR"},
                 {"TARGET"},
                 {"FROM"},
                 {"REACTOR", Align::right},
                 {"AGE", Align::right},
                 {"IN FLIGHT", Align::right},
                 {"READ", Align::right},
                 {"WRITTEN", Align::right}});
    for (const Json& one : items(result)) {
        std::vector<std::string> from;
        std::vector<std::string> on;
        for (const Json& connection : items(field(one, "connections"))) {
            from.push_back(text(connection, "initiator_address"));
            on.push_back(text(connection, "reactor"));
        }
        const bool discovery = text(one, "type") == "discovery";
        table.add({text(one, "id"), text(one, "initiator"), discovery ? "(discovery)" : text(one, "target"),
                   joined(from), joined(on), seconds_for_people(number(one, "age_seconds")),
                   text(one, "commands_in_flight"), bytes(one, "read_bytes"), bytes(one, "written_bytes")});
    }
    return items(result).empty() ? "No initiator is logged in.\n" : table.text();
}

std::string properties_of(const Json& device) {
    std::vector<std::string> parts;
    for (const auto& [key, word] :
         {std::pair{"thin", "thin"}, std::pair{"read_only", "read-only"}, std::pair{"removable", "removable"},
          std::pair{"volatile_cache", "write-back"}}) {
        if (flag(device, key)) {
            parts.emplace_back(word);
        }
    }
    return joined(parts);
}

std::string state_of(const Json& device) {
    const std::string begun_on = text(device, "begun_on");
    return begun_on.empty() ? text(device, "state")
                            : fmt::format("{} than {}", text(device, "state"), begun_on);
}

std::string devices(const Json& result) {
    Table table({{"NAME"},
                 {"HANDLER"},
                 {"SIZE", Align::right},
                 {"BLOCK", Align::right},
                 {"STATE"},
                 {"LUNS", Align::right},
                 {"PROPERTIES"},
                 {"NAA"}});
    for (const Json& one : items(result)) {
        table.add({text(one, "name"), text(one, "handler"), bytes(one, "size_bytes"), text(one, "block_size"),
                   state_of(one), fmt::format("{}", items(field(one, "used_by")).size()), properties_of(one),
                   text(one, "naa")});
    }
    return items(result).empty() ? "There is no device. Add a [[device]] to the configuration.\n"
                                 : table.text();
}

/// A device's line where it is more than free, then one for each registrant.
void add_reservation(const Json& device, Table& table) {
    const std::string type = text(device, "type");
    std::vector<std::string> notes;
    if (flag(device, "lost")) {
        notes.emplace_back("lost: nobody may use the device");
    }
    if (flag(device, "reserved")) {
        notes.emplace_back("reserved by RESERVE");
    }
    if (flag(device, "kept")) {
        notes.emplace_back("outlives the daemon");
    }
    const auto registrants = items(field(device, "registrants"));
    if (registrants.empty() && notes.empty()) {
        return;
    }
    if (registrants.empty() || !notes.empty() || !type.empty()) {
        table.add({text(device, "device"), type.empty() ? "none" : type, {}, {}, {}, {}, joined(notes)});
    }
    for (const Json& each : registrants) {
        table.add({text(device, "device"),
                   flag(each, "holder") ? "holder" : "registered",
                   text(each, "initiator"),
                   text(each, "isid"),
                   text(each, "target_port"),
                   text(each, "key"),
                   {}});
    }
}

std::string reservations(const Json& result) {
    Table table(
        {{"DEVICE"}, {"RESERVATION"}, {"INITIATOR"}, {"ISID"}, {"PORT", Align::right}, {"KEY"}, {"NOTES"}});
    bool any = false;
    for (const Json& one : items(result)) {
        const bool free = text(one, "type").empty() && items(field(one, "registrants")).empty() &&
                          !flag(one, "lost") && !flag(one, "reserved");
        any = any || !free;
        if (!free) {
            add_reservation(one, table);
        }
    }
    return any ? table.text() : "No device is reserved, and nobody is registered with one.\n";
}

std::string lun_text(const Json& lun) {
    const std::string group = text(lun, "group");
    return fmt::format("{}{}={}{}", group.empty() ? "" : group + ":", text(lun, "lun"), text(lun, "device"),
                       flag(lun, "read_only") ? " (read-only)" : "");
}

/// "redirected to 192.0.2.11:3260,1 (permanently)", as initiators write a portal and its group.
std::string redirect_text(const Json& redirect) {
    return fmt::format("redirected to {},{}{}", text(redirect, "address"), text(redirect, "group"),
                       flag(redirect, "permanent") ? " (permanently)" : "");
}

std::string targets(const Json& result) {
    constexpr std::size_t kLunsShown = 8;
    Table table({{"NAME"}, {"PORTALS"}, {"SESSIONS", Align::right}, {"CHAP"}, {"LUNS"}});
    for (const Json& one : items(result)) {
        std::vector<std::string> portals;
        for (const Json& portal : items(field(one, "portals"))) {
            const std::string advertised = text(portal, "advertise");
            portals.push_back(text(portal, "listen") + (advertised.empty() ? "" : " as " + advertised));
        }
        std::vector<std::string> luns;
        if (const Json& redirect = field(one, "redirect"); redirect.is_object()) {
            luns.push_back(redirect_text(redirect));
        }
        const auto all = items(field(one, "luns"));
        for (std::size_t i = 0; i < std::min(all.size(), kLunsShown); ++i) {
            luns.push_back(lun_text(all[i]));
        }
        if (all.size() > kLunsShown) {
            luns.push_back(fmt::format("and {} more", all.size() - kLunsShown));
        }
        table.add({text(one, "name"), joined(portals), text(one, "sessions"),
                   flag(one, "chap") ? "yes" : "no", joined(luns)});
    }
    return items(result).empty() ? "There is no target. Add a [[target]] to the configuration.\n"
                                 : table.text();
}

void add_port_groups(const Json& group, Table& table) {
    for (const Json& each : items(field(group, "port_groups"))) {
        std::vector<std::string> ports;
        for (const Json& port : items(field(each, "ports"))) {
            const std::string tag = text(port, "portal_group");
            ports.push_back(fmt::format("{}={}{}", text(port, "relative_port"), text(port, "target"),
                                        field(port, "portal_group").is_number() ? "," + tag : " (remote)"));
        }
        table.add({text(group, "name"), text(each, "id"), text(each, "state"),
                   flag(each, "preferred") ? "yes" : "no", text(each, "changed_by"), joined(ports)});
    }
}

std::string paths(const Json& result) {
    Table table(
        {{"GROUP"}, {"PORT GROUP", Align::right}, {"STATE"}, {"PREFERRED"}, {"CHANGED BY"}, {"PORTS"}});
    for (const Json& one : items(result)) {
        add_port_groups(one, table);
    }
    return items(result).empty() ? "There is no device group, so every path is as good as another.\n"
                                 : table.text();
}

std::string reload(const Json& result) {
    Table table({{"WHAT"}, {"CHANGE"}, {"STATE"}});
    const auto add = [&](const char* list, std::string_view state) {
        for (const Json& each : items(field(result, list))) {
            const std::string why = text(each, "why");
            table.add({text(each, "subject"), text(each, "what"),
                       fmt::format("{}{}", state, why.empty() ? "" : ": " + why)});
        }
    };
    add("changes", flag(result, "dry_run") ? "would be done" : "done");
    add("needs_restart", "needs a restart");
    const bool same =
        items(field(result, "changes")).empty() && items(field(result, "needs_restart")).empty();
    return same ? "The configuration says nothing else than what runs.\n" : table.text();
}

}  // namespace

std::string render(View view, const Json& result) {
    switch (view) {
        case View::nothing:
            return {};
        case View::status:
            return status(result);
        case View::sessions:
            return sessions(result);
        case View::devices:
            return devices(result);
        case View::reservations:
            return reservations(result);
        case View::targets:
            return targets(result);
        case View::paths:
            return paths(result);
        case View::reload:
            return reload(result);
    }
    return {};
}

void print_problem(const admin::Problem& problem, bool json, std::ostream& out, std::ostream& err) {
    if (json) {
        const Json error{{"what", problem.what}, {"cause", problem.cause}, {"try", problem.cure}};
        out << Json{{"error", error}}.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    } else {
        err << "targe: " << to_string(problem) << '\n';
    }
}

}  // namespace targe::cli
