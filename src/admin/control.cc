#include "admin/control.h"

#include "admin/control_json.h"
#include "admin/control_message.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace targe::admin {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Answer one(std::expected<T, Problem> found) {
    return found ? Answer(to_json(*found)) : std::unexpected(std::move(found.error()));
}

template <class T>
Answer all(std::expected<std::vector<T>, Problem> found) {
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    Json list = Json::array();
    for (const T& item : *found) {
        list.push_back(to_json(item));
    }
    return list;
}

Answer refresh_device(const Json& arguments, Administration& administration) {
    const auto name = arguments.find("name");
    if (name == arguments.end() || !name->is_string()) {
        return std::unexpected(lacks("device-refresh", "name", "a string"));
    }
    RefreshRequest request{.device = name->get<std::string>()};
    if (const auto unfinished = arguments.find("unfinished"); unfinished != arguments.end()) {
        if (*unfinished == "here") {
            request.unfinished = RefreshRequest::Unfinished::is_here;
        } else if (*unfinished == "drop") {
            request.unfinished = RefreshRequest::Unfinished::drop;
        } else {
            return std::unexpected(lacks("device-refresh", "unfinished", "\"here\" or \"drop\""));
        }
    }
    return one(administration.refresh_device(request));
}

Answer clear_reservations(const Json& arguments, Administration& administration) {
    const auto name = arguments.find("name");
    if (name == arguments.end() || !name->is_string()) {
        return std::unexpected(lacks("reservation-clear", "name", "a string"));
    }
    return one(administration.clear_reservations(name->get_ref<const std::string&>()));
}

Answer drop_session(const Json& arguments, Administration& administration) {
    const auto id = arguments.find("id");
    if (id == arguments.end() || !id->is_number_unsigned()) {
        return std::unexpected(lacks("session-drop", "id", "a number"));
    }
    if (auto dropped = administration.drop_session(id->get<std::uint64_t>()); !dropped) {
        return std::unexpected(std::move(dropped.error()));
    }
    return Json::object();
}

Answer set_path(const Json& arguments, Administration& administration) {
    const auto group = arguments.find("group");
    const auto port_group = arguments.find("port_group");
    if (group == arguments.end() || !group->is_string()) {
        return std::unexpected(lacks("alua-set", "group", "a string"));
    }
    if (port_group == arguments.end() || !port_group->is_number_unsigned() ||
        port_group->get<std::uint64_t>() > UINT16_MAX) {
        return std::unexpected(lacks("alua-set", "port_group", "a number up to 65535"));
    }
    PathChange change{.group = group->get<std::string>(), .port_group = port_group->get<std::uint16_t>()};
    if (const auto state = arguments.find("state"); state != arguments.end() && state->is_string()) {
        change.state = state->get<std::string>();
    }
    if (const auto preferred = arguments.find("preferred");
        preferred != arguments.end() && preferred->is_boolean()) {
        change.preferred = preferred->get<bool>();
    }
    return one(administration.set_path(change));
}

/// Without `path`: a disc is taken out.
Answer change_disc(const Json& arguments, Administration& administration, bool inserts) {
    const std::string_view verb = inserts ? "cdrom-insert" : "cdrom-eject";
    const auto name = arguments.find("name");
    const auto path = arguments.find("path");
    if (name == arguments.end() || !name->is_string()) {
        return std::unexpected(lacks(verb, "name", "a string"));
    }
    DiscRequest request{.device = name->get<std::string>()};
    if (inserts) {
        if (path == arguments.end() || !path->is_string() ||
            !path->get_ref<const std::string&>().starts_with('/')) {
            return std::unexpected(lacks(verb, "path", "a path from the root on"));
        }
        request.path = path->get<std::string>();
    }
    if (const auto force = arguments.find("force"); force != arguments.end() && force->is_boolean()) {
        request.force = force->get<bool>();
    }
    return one(administration.change_disc(request));
}

Answer reload(const Json& arguments, Administration& administration) {
    const auto dry_run = arguments.find("dry_run");
    if (dry_run != arguments.end() && !dry_run->is_boolean()) {
        return std::unexpected(lacks("reload", "dry_run", "true or false"));
    }
    return one(administration.reload(dry_run != arguments.end() && dry_run->get<bool>()));
}

struct Verb {
    std::string_view name;
    Answer (*run)(const Json& arguments, Administration& administration);
};

constexpr auto kVerbs = std::to_array<Verb>({
    {"status", [](const Json&, Administration& a) { return one(a.status()); }},
    {"reload", reload},
    {"session-list", [](const Json&, Administration& a) { return all(a.sessions()); }},
    {"session-drop", drop_session},
    {"device-list", [](const Json&, Administration& a) { return all(a.devices()); }},
    {"device-refresh", refresh_device},
    {"cdrom-insert",
     [](const Json& arguments, Administration& a) { return change_disc(arguments, a, true); }},
    {"cdrom-eject",
     [](const Json& arguments, Administration& a) { return change_disc(arguments, a, false); }},
    {"reservation-list", [](const Json&, Administration& a) { return all(a.reservations()); }},
    {"reservation-clear", clear_reservations},
    {"alua-list", [](const Json&, Administration& a) { return all(a.device_groups()); }},
    {"alua-set", set_path},
    {"target-list", [](const Json&, Administration& a) { return all(a.targets()); }},
});

/// They open stores.
constexpr auto kLong = std::to_array<std::string_view>({"reload", "cdrom-insert", "cdrom-eject"});

}  // namespace

bool takes_long(std::string_view request) {
    bool is_long = false;
    static_cast<void>(answer_request(request, [&](const std::string& verb, const Json&) -> Answer {
        is_long = std::ranges::find(kLong, verb) != kLong.end();
        return Json::object();
    }));
    return is_long;
}

std::string handle_request(std::string_view request, Administration& administration) {
    return answer_request(request, [&](const std::string& verb, const Json& arguments) -> Answer {
        const auto found = std::ranges::find(kVerbs, verb, &Verb::name);
        if (found == kVerbs.end()) {
            std::array<std::string_view, kVerbs.size()> names;
            std::ranges::transform(kVerbs, names.begin(), &Verb::name);
            return std::unexpected(unknown_verb(names, verb));
        }
        return found->run(arguments, administration);
    });
}

}  // namespace targe::admin
