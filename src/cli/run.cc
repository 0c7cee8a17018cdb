#include "cli/run.h"

#include "admin/control.h"
#include "cli/bench.h"
#include "cli/command_line.h"
#include "cli/render.h"
#include "cli/table.h"

#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;

std::string text_or_empty(const Json& error, const char* key) {
    const auto found = error.find(key);
    return found != error.end() && found->is_string() ? printable(found->get<std::string>()) : std::string{};
}

std::expected<Json, Problem> result_of(const std::string& answer) {
    const Json root = Json::parse(answer, nullptr, false);
    if (root.is_object() && root.contains("error") && root["error"].is_object()) {
        const Json& error = root["error"];
        return std::unexpected(Problem{.what = text_or_empty(error, "what"),
                                       .cause = text_or_empty(error, "cause"),
                                       .cure = text_or_empty(error, "try")});
    }
    if (!root.is_object() || !root.contains("result")) {
        return std::unexpected(Problem{.what = "the answer was not understood",
                                       .cause = "what listens on the socket is not a targed of this version",
                                       .cure = "name another socket: targe --socket PATH …"});
    }
    return root["result"];
}

int fail(const Invocation& wanted, const Problem& problem, std::ostream& out, std::ostream& err) {
    print_problem(problem, wanted.json, out, err);
    return kFailed;
}

}  // namespace

int run(std::span<const char* const> arguments, const Ask& ask, std::ostream& out, std::ostream& err) {
    const auto parsed = parse_command_line(arguments);
    if (const auto* const message = std::get_if<Message>(&parsed)) {
        (message->exit_status == kDone ? out : err) << message->text;
        return message->exit_status;
    }
    const auto& wanted = std::get<Invocation>(parsed);
    if (wanted.bench) {
        return run_bench(*wanted.bench, wanted.json, out, err);
    }
    if (wanted.vtl) {
        return run_vtl(*wanted.vtl, wanted.json, out, err);
    }
    const auto answer = ask(wanted.socket, admin::make_request(wanted.verb, wanted.arguments));
    if (!answer) {
        return fail(wanted, answer.error(), out, err);
    }
    const auto result = result_of(*answer);
    if (!result) {
        return fail(wanted, result.error(), out, err);
    }
    if (wanted.json) {
        out << result->dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    } else if (wanted.view == View::nothing) {
        out << wanted.done << '\n';
    } else {
        out << render(wanted.view, *result);
    }
    return out ? kDone : kFailed;
}

}  // namespace targe::cli
