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

/// What a reload has not done; as JSON it is in the answer already.
bool report_failed(const Json& result, bool json, std::ostream& err) {
    const auto failed = result.find("failed");
    if (failed == result.end() || !failed->is_array() || failed->empty()) {
        return false;
    }
    for (const Json& each : json ? Json::array() : *failed) {
        print_problem(
            {.what = text_in(each, "what"), .cause = text_in(each, "cause"), .cure = text_in(each, "try")},
            false, err, err);
    }
    return true;
}

int carry_out(const Invocation& wanted, const Ask& ask, std::ostream& out, std::ostream& err) {
    if (wanted.bench) {
        return run_bench(*wanted.bench, wanted.json, out, err);
    }
    if (wanted.vtl) {
        return run_vtl(*wanted.vtl, wanted.json, ask, out, err);
    }
    const auto answer = ask(wanted.socket, admin::make_request(wanted.verb, wanted.arguments),
                            wanted.view == View::reload ? kReloadPatience : kPatience);
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
    if (wanted.view == View::reload) {
        return report_failed(*result, wanted.json, err) ? kFailed : kDone;
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
