#include "admin/command_line.h"
#include "admin/quantity.h"
#include "cli/bench.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace targe::cli {
namespace {

using admin::Problem;
using initiator::Direction;
using initiator::Order;
using initiator::Waiting;

Problem wrong_size(std::string_view option, std::string_view value, std::string_view why) {
    return Problem{.what = fmt::format("{} {}: {}", option, value, why),
                   .cause = "",
                   .cure = fmt::format("{} 4KiB", option)};
}

/// "4KiB", and "512" as well: on a command line nobody doubts that bytes are meant.
std::expected<std::uint64_t, std::string> size_of(const std::string& text) {
    const bool bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    return admin::parse_size(bare ? text + "B" : text);
}

std::expected<std::optional<initiator::Credentials>, Problem> credentials_of(const initiator::Url& url,
                                                                             const char* password) {
    if (url.user.empty()) {
        return std::nullopt;
    }
    if (url.password) {
        return initiator::Credentials{.user = url.user, .password = *url.password};
    }
    if (password != nullptr && *password != '\0') {
        return initiator::Credentials{.user = url.user, .password = password};
    }
    return std::unexpected(
        Problem{.what = fmt::format("there is no password for user \"{}\"", url.user),
                .cause = "CHAP needs one",
                .cure = "put it into the environment: TARGE_BENCH_PASSWORD=… targe bench …"});
}

}  // namespace

void add_bench_options(CLI::App& command, BenchArguments& arguments) {
    command.add_option("URL", arguments.url, "iscsi://[USER[:PASSWORD]@]HOST[:PORT]/TARGET/LUN")->required();
    const auto sizes = [](CLI::Option* option) { option->type_name("SIZE"); };
    sizes(command.add_option("--size", arguments.size, "Bytes of an operation")->capture_default_str());
    command.add_option("--direction", arguments.direction, "read, write or mix")
        ->check(CLI::IsMember({"read", "write", "mix"}))
        ->capture_default_str();
    command.add_option("--reads", arguments.read_percent, "Percent of a mix that are reads")
        ->check(admin::whole_number(0, 100))
        ->capture_default_str();
    command.add_option("--order", arguments.order, "random or sequential")
        ->check(CLI::IsMember({"random", "sequential"}))
        ->capture_default_str();
    command.add_option("--depth", arguments.depth, "Operations of a session that are in flight")
        ->check(admin::whole_number(1, initiator::kMaxDepth))
        ->capture_default_str();
    command.add_option("--sessions", arguments.sessions, "Sessions at the same time")
        ->check(admin::whole_number(1, initiator::kMaxSessions))
        ->capture_default_str();
    command.add_option("--seconds", arguments.seconds, "How long is measured")
        ->check(admin::real_number(0.01, 604'800))
        ->capture_default_str();
    command.add_option("--warm-up", arguments.warm_up, "Seconds before, which do not count")
        ->check(admin::real_number(0, 604'800))
        ->capture_default_str();
    command
        .add_option("--wait", arguments.wait,
                    "What the initiator does until answers come: sleep, or spin, which uses a whole CPU")
        ->check(CLI::IsMember({"sleep", "spin"}))
        ->capture_default_str();
    command.add_option("--digests", arguments.digests, "CRC32C of none, header, data or both")
        ->check(CLI::IsMember({"none", "header", "data", "both"}))
        ->capture_default_str();
    sizes(command.add_option("--span", arguments.span, "Only so much of the unit, from its beginning"));
    command.add_option("--seed", arguments.seed, "Where random places and data come from")
        ->check(admin::whole_number(0, UINT64_MAX))
        ->capture_default_str();
    command.add_option("--initiator", arguments.initiator, "The name to log in with")->capture_default_str();
    command.add_flag("--destroy-data", arguments.destroy_data,
                     "Allow writes, which overwrite the unit with random data");
}

std::expected<BenchRequest, Problem> plan_bench(const BenchArguments& arguments, const char* password) {
    const auto url = initiator::parse_url(arguments.url);
    if (!url) {
        return std::unexpected(
            Problem{.what = "the URL is not understood: " + url.error(),
                    .cause = "",
                    .cure = "targe bench iscsi://127.0.0.1:3260/iqn.2026-11.io.targe:demo/0"});
    }
    const auto credentials = credentials_of(*url, password);
    if (!credentials) {
        return std::unexpected(credentials.error());
    }
    const auto size = size_of(arguments.size);
    if (!size || *size == 0 || *size > initiator::kMaxIoBytes) {
        return std::unexpected(
            wrong_size("--size", arguments.size, size ? "it must be from 1 byte to 16 MiB" : size.error()));
    }
    const auto span = size_of(arguments.span.empty() ? "0" : arguments.span);
    if (!span || (*span > 0 && *span < *size)) {
        return std::unexpected(
            wrong_size("--span", arguments.span, span ? "it is smaller than one operation" : span.error()));
    }
    if (arguments.direction != "read" && !arguments.destroy_data) {
        return std::unexpected(Problem{
            .what = fmt::format("--direction {} overwrites the unit with random data", arguments.direction),
            .cause = "nothing that is on the unit would be left",
            .cure = "add --destroy-data when nothing on it is needed"});
    }
    BenchRequest request{.url = *url, .session = {}, .work = {}};
    request.session.target = url->target;
    request.session.initiator = arguments.initiator;
    request.session.credentials = *credentials;
    request.session.digests = {.header = arguments.digests == "header" || arguments.digests == "both",
                               .data = arguments.digests == "data" || arguments.digests == "both"};
    request.session.host = url->host;
    request.session.port = url->port;
    request.session.lun = url->lun;
    initiator::Work& work = request.work;
    work.direction = arguments.direction == "read"    ? Direction::read
                     : arguments.direction == "write" ? Direction::write
                                                      : Direction::mix;
    work.read_percent = arguments.read_percent;
    work.order = arguments.order == "random" ? Order::random : Order::sequential;
    work.waiting = arguments.wait == "spin" ? Waiting::spin : Waiting::sleep;
    work.sessions = arguments.sessions;
    work.depth = arguments.depth;
    work.io_bytes = static_cast<std::uint32_t>(*size);
    work.span_bytes = *span;
    work.seconds = arguments.seconds;
    work.warm_up_seconds = arguments.warm_up;
    work.seed = arguments.seed;
    return request;
}

std::expected<initiator::Work, Problem> fit(const initiator::Work& work, const initiator::UnitFacts& facts) {
    initiator::Work fitted = work;
    const std::uint64_t bytes = facts.blocks * facts.block_bytes;
    fitted.block_bytes = facts.block_bytes;
    fitted.span_bytes = work.span_bytes == 0 ? bytes : work.span_bytes;
    if (work.io_bytes % facts.block_bytes != 0) {
        return std::unexpected(
            Problem{.what = fmt::format("--size {} is not a whole number of the unit's blocks",
                                        admin::size_text(work.io_bytes)),
                    .cause = fmt::format("they have {} bytes", facts.block_bytes),
                    .cure = fmt::format("--size {}", admin::size_text(facts.block_bytes))});
    }
    if (fitted.span_bytes > bytes || bytes < work.io_bytes) {
        return std::unexpected(Problem{.what = fmt::format("the unit has only {}", admin::size_text(bytes)),
                                       .cause = "",
                                       .cure = "a smaller --span, or none; a smaller --size"});
    }
    return fitted;
}

}  // namespace targe::cli
