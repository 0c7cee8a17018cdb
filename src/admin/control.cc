#include "admin/control.h"

#include "admin/config_keys.h"
#include "admin/control_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <expected>
#include <utility>

namespace targe::admin {
namespace {

using Json = nlohmann::ordered_json;
using Answer = std::expected<Json, Problem>;

// Deeper than any request of ours; a nest of brackets must not become a nest of calls.
constexpr int kDeepest = 8;

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

std::unexpected<Problem> lacks(std::string_view verb, std::string_view argument, std::string_view kind) {
    return std::unexpected(
        Problem{.what = fmt::format("'{}' needs the argument '{}', {}", verb, argument, kind),
                .cause = "the client does not speak this version of the protocol",
                .cure = "use the targe that came with this targed"});
}

Answer refresh_device(const Json& arguments, Administration& administration) {
    const auto name = arguments.find("name");
    if (name == arguments.end() || !name->is_string()) {
        return lacks("device-refresh", "name", "a string");
    }
    return one(administration.refresh_device(name->get_ref<const std::string&>()));
}

Answer clear_reservations(const Json& arguments, Administration& administration) {
    const auto name = arguments.find("name");
    if (name == arguments.end() || !name->is_string()) {
        return lacks("reservation-clear", "name", "a string");
    }
    return one(administration.clear_reservations(name->get_ref<const std::string&>()));
}

Answer drop_session(const Json& arguments, Administration& administration) {
    const auto id = arguments.find("id");
    if (id == arguments.end() || !id->is_number_unsigned()) {
        return lacks("session-drop", "id", "a number");
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
        return lacks("alua-set", "group", "a string");
    }
    if (port_group == arguments.end() || !port_group->is_number_unsigned() ||
        port_group->get<std::uint64_t>() > UINT16_MAX) {
        return lacks("alua-set", "port_group", "a number up to 65535");
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
        return lacks(verb, "name", "a string");
    }
    DiscRequest request{.device = name->get<std::string>()};
    if (inserts) {
        if (path == arguments.end() || !path->is_string() ||
            !path->get_ref<const std::string&>().starts_with('/')) {
            return lacks(verb, "path", "a path from the root on");
        }
        request.path = path->get<std::string>();
    }
    if (const auto force = arguments.find("force"); force != arguments.end() && force->is_boolean()) {
        request.force = force->get<bool>();
    }
    return one(administration.change_disc(request));
}

struct Verb {
    std::string_view name;
    Answer (*run)(const Json& arguments, Administration& administration);
};

constexpr auto kVerbs = std::to_array<Verb>({
    {"status", [](const Json&, Administration& a) { return one(a.status()); }},
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

Answer unknown_verb(const std::string& verb) {
    std::array<std::string_view, kVerbs.size()> names;
    std::ranges::transform(kVerbs, names.begin(), &Verb::name);
    const std::string_view near = nearest(names, verb);
    return std::unexpected(Problem{
        .what = fmt::format("the daemon cannot do '{}'", verb),
        .cause = near.empty() ? "targe is of a later version than targed, or it was not targe that asked"
                              : fmt::format("probably '{}' is meant", near),
        .cure = "targe status tells the version of targed"});
}

std::unexpected<Problem> not_understood(std::string cause) {
    return std::unexpected(
        Problem{.what = "the request was not understood",
                .cause = std::move(cause),
                .cure = "send one JSON object a line, such as {\"targe\": 1, \"do\": \"status\"}"});
}

bool too_deep(std::string_view text) {
    int depth = 0;
    for (const char c : text) {
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= c == '}' || c == ']' ? 1 : 0;
        if (depth > kDeepest) {
            return true;
        }
    }
    return false;
}

Answer run(std::string_view request, Administration& administration) {
    if (request.size() >= kControlRequestLimit || too_deep(request)) {
        return not_understood("it is too long or too deep");
    }
    const Json root = Json::parse(request, nullptr, false);
    if (!root.is_object()) {
        return not_understood("it is no JSON object");
    }
    const auto version = root.find("targe");
    if (version == root.end() || !version->is_number_unsigned()) {
        return not_understood("it lacks \"targe\", the version of the protocol");
    }
    if (*version != kControlVersion) {
        return std::unexpected(Problem{.what = fmt::format("version {} of the protocol is not spoken here",
                                                           version->get<std::uint64_t>()),
                                       .cause = fmt::format("this targed speaks version {}", kControlVersion),
                                       .cure = "use the targe that came with this targed"});
    }
    const auto verb = root.find("do");
    if (verb == root.end() || !verb->is_string()) {
        return not_understood("it lacks \"do\", the name of what to do");
    }
    const auto given = root.find("args");
    if (given != root.end() && !given->is_object()) {
        return not_understood("\"args\" is no JSON object");
    }
    const auto found = std::ranges::find(kVerbs, verb->get_ref<const std::string&>(), &Verb::name);
    if (found == kVerbs.end()) {
        return unknown_verb(verb->get<std::string>());
    }
    return found->run(given == root.end() ? Json::object() : *given, administration);
}

}  // namespace

std::string handle_request(std::string_view request, Administration& administration) {
    Answer answer = run(request, administration);
    Json reply{{"targe", kControlVersion}};
    if (answer) {
        reply["result"] = std::move(*answer);
    } else {
        reply["error"] = to_json(answer.error());
    }
    // Names of initiators and paths need not be UTF-8; an answer must be.
    return reply.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string make_request(std::string_view verb, std::string_view arguments) {
    return fmt::format(R"({{"targe":{},"do":"{}","args":{}}})", kControlVersion, verb, arguments);
}

}  // namespace targe::admin
