#include "admin/control_message.h"

#include "admin/config_keys.h"
#include "admin/control_json.h"

#include <fmt/format.h>

#include <utility>

namespace targe::admin {
namespace {

using Json = nlohmann::ordered_json;

// Deeper than any request of ours; a nest of brackets must not become a nest of calls.
constexpr int kDeepest = 8;

std::unexpected<Problem> not_understood(std::string cause) {
    return std::unexpected(
        Problem{.what = "the request was not understood",
                .cause = std::move(cause),
                .cure = "send one JSON object a line, such as {\"targe\": 1, \"do\": \"status\"}"});
}

bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size() && depth <= kDeepest; ++i) {
        const char c = text[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else {
            in_string = c == '"';
            depth += c == '{' || c == '[' ? 1 : 0;
            depth -= c == '}' || c == ']' ? 1 : 0;
        }
    }
    return depth > kDeepest;
}

Answer run(std::string_view request, const Act& act) {
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
                                       .cause = fmt::format("this daemon speaks version {}", kControlVersion),
                                       .cure = "use the targe that came with this daemon"});
    }
    const auto verb = root.find("do");
    if (verb == root.end() || !verb->is_string()) {
        return not_understood("it lacks \"do\", the name of what to do");
    }
    const auto given = root.find("args");
    if (given != root.end() && !given->is_object()) {
        return not_understood("\"args\" is no JSON object");
    }
    return act(verb->get_ref<const std::string&>(), given == root.end() ? Json::object() : *given);
}

}  // namespace

std::string answer_request(std::string_view request, const Act& act) {
    Answer answer = run(request, act);
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

Problem unknown_verb(std::span<const std::string_view> names, const std::string& verb) {
    const std::string_view near = nearest(names, verb);
    return {.what = fmt::format("the daemon cannot do '{}'", verb),
            .cause = near.empty()
                         ? "targe is of a later version than the daemon, or it was not targe that asked"
                         : fmt::format("probably '{}' is meant", near),
            .cure = "use the targe that came with the daemon"};
}

Problem lacks(std::string_view verb, std::string_view argument, std::string_view kind) {
    return {.what = fmt::format("'{}' needs the argument '{}', {}", verb, argument, kind),
            .cause = "the client does not speak this version of the protocol",
            .cure = "use the targe that came with this daemon"};
}

}  // namespace targe::admin
