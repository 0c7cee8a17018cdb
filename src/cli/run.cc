#include "cli/run.h"

#include "admin/control_message.h"
#include "cli/answer.h"
#include "cli/bench.h"
#include "cli/command_line.h"
#include "cli/render.h"

#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;

int fail(const Invocation& wanted, const Problem& problem, std::ostream& out, std::ostream& err) {
    print_problem(problem, wanted.json, out, err);
    return kFailed;
}

int carry_out(const Invocation& wanted, const Ask& ask, std::ostream& out, std::ostream& err) {
    if (wanted.bench) {
        return run_bench(*wanted.bench, wanted.json, out, err);
    }
    if (wanted.vtl) {
        return run_vtl(*wanted.vtl, wanted.json, ask, out, err);
    }
    const auto answer = ask(wanted.socket, admin::make_request(wanted.verb, wanted.arguments), kPatience);
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
    return kDone;
}

}  // namespace

int run(std::span<const char* const> arguments, const Ask& ask, std::ostream& out, std::ostream& err) {
    const auto parsed = parse_command_line(arguments);
    int exit_status = kDone;
    if (const auto* const message = std::get_if<Message>(&parsed)) {
        (message->exit_status == kDone ? out : err) << message->text;
        exit_status = message->exit_status;
    } else {
        exit_status = carry_out(std::get<Invocation>(parsed), ask, out, err);
    }
    // A script must not take half of it for all.
    if (!out.flush() && exit_status == kDone) {
        err << "targe: what there is to print cannot be written\n  cause: probably no space is left where "
               "standard output goes\n";
        return kFailed;
    }
    return exit_status;
}

}  // namespace targe::cli
