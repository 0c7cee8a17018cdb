#include "cli/bench.h"

#include "cli/command_line.h"
#include "cli/render.h"
#include "cli/table.h"
#include "initiator/failure.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>

namespace targe::cli {
namespace {

using admin::Problem;
using initiator::Direction;
using initiator::Order;
using initiator::Waiting;
using Json = nlohmann::ordered_json;

double cpu_seconds() {
    rusage usage{};
    static_cast<void>(::getrusage(RUSAGE_SELF, &usage));
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// 1234567 as "1,234,567"
std::string grouped(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, ",");
    }
    return digits;
}

std::string latency(std::uint64_t ns) {
    const double us = static_cast<double>(ns) / 1000;
    return us < 1000 ? fmt::format("{:.1f} µs", us) : fmt::format("{:.2f} ms", us / 1000);
}

std::string plural(std::uint64_t count, std::string_view one) {
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string kind_of(const initiator::Work& work) {
    switch (work.direction) {
        case Direction::read:
            return "reads";
        case Direction::write:
            return "writes";
        case Direction::mix:
            return fmt::format("reads ({} %) and writes", work.read_percent);
    }
    return {};
}

std::string digests_of(const initiator::Agreed& agreed) {
    if (agreed.header_digest || agreed.data_digest) {
        return !agreed.data_digest ? "header digest" : agreed.header_digest ? "both digests" : "data digest";
    }
    return "no digests";
}

double per_second(const BenchResult& result, double amount) {
    return result.measured.seconds > 0 ? amount / result.measured.seconds : 0;
}

/// Bytes. What failed moved none.
double moved_per_second(const BenchResult& result) {
    return per_second(
        result, static_cast<double>(result.measured.reads + result.measured.writes) * result.work.io_bytes);
}

std::atomic<initiator::Workload*> interruptible = nullptr;

void interrupt(int /*signal*/) {
    if (initiator::Workload* const workload = interruptible; workload != nullptr) {
        workload->stop();
    }
}

/// While it lives the first SIGINT or SIGTERM ends the load with what was measured until then; the second one
/// ends the process, for a target that does not answer any more.
class Interruptible {
public:
    explicit Interruptible(initiator::Workload& workload) {
        interruptible = &workload;
        struct sigaction once{};
        once.sa_handler = interrupt;
        once.sa_flags = static_cast<int>(SA_RESETHAND);
        ::sigaction(SIGINT, &once, &of_int_);
        ::sigaction(SIGTERM, &once, &of_term_);
    }
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    ~Interruptible() {
        ::sigaction(SIGINT, &of_int_, nullptr);
        ::sigaction(SIGTERM, &of_term_, nullptr);
        interruptible = nullptr;
    }

private:
    struct sigaction of_int_{};
    struct sigaction of_term_{};
};

/// Each session takes a descriptor, and as many as may be asked for are more than most shells allow at first.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // or else connecting says what it lacks
    }
}

/// Measured from the first request to the last answer.
BenchResult measure(const BenchRequest& request, std::ostream* progress) {
    BenchResult result;
    {
        initiator::Session session(request.session);
        result.facts = initiator::facts_of(session);
        result.agreed = session.agreed();
        session.log_out();
    }
    const auto work = fit(request.work, result.facts);
    if (!work) {
        throw initiator::Failure(work.error().what, work.error().cause, work.error().cure);
    }
    result.work = *work;
    if (progress != nullptr) {
        *progress << bench_introduction(request, result) << std::flush;
    }
    raise_descriptor_limit();
    initiator::Workload workload(result.work, request.session);
    const double before = cpu_seconds();
    const Interruptible here(workload);
    result.measured = workload.run();
    if (result.measured.interrupted && result.measured.seconds == 0) {
        throw initiator::Failure("it was interrupted before anything was measured",
                                 "the warm-up was not over");
    }
    result.cpu_seconds = cpu_seconds() - before;
    return result;
}

}  // namespace

std::string bench_introduction(const BenchRequest& request, const BenchResult& result) {
    const initiator::Work& work = result.work;
    const initiator::Agreed& agreed = result.agreed;
    const std::uint64_t bytes = result.facts.blocks * result.facts.block_bytes;
    return fmt::format(
        "unit        {} {}, {} in blocks of {} bytes\n"
        "at          {} port {}, {} LUN {}\n"
        "agreed      {}, {}, first burst {}, PDUs of {} to the target, {}\n"
        "work        {} {} of {}{}, {} of depth {}, {:g} s after {:g} s; initiator {}s; seed {}\n",
        printable(result.facts.vendor), printable(result.facts.product), bytes_for_people(bytes),
        result.facts.block_bytes, printable(request.url.host), request.url.port,
        printable(request.url.target), request.url.lun,
        agreed.immediate_data ? "immediate data" : "no immediate data",
        agreed.initial_r2t ? "initial R2T" : "no initial R2T", bytes_for_people(agreed.first_burst),
        bytes_for_people(agreed.max_send_segment), digests_of(agreed),
        work.order == Order::random ? "random" : "sequential", kind_of(work), bytes_for_people(work.io_bytes),
        work.span_bytes < bytes ? fmt::format(" in the first {}", bytes_for_people(work.span_bytes)) : "",
        plural(work.sessions, "session"), work.depth, work.seconds, work.warm_up_seconds,
        work.waiting == Waiting::spin ? "spin" : "sleep", work.seed);
}

std::string bench_text(const BenchResult& result) {
    const initiator::Measured& measured = result.measured;
    const initiator::Histogram& times = measured.latency_ns;
    const auto operations = static_cast<double>(times.count());
    const double total = std::max<double>(1, static_cast<double>(measured.total));
    std::string text =
        measured.interrupted ? "\ninterrupted, and measured for less than was asked for\n" : "";
    text += fmt::format(
        "\noperations  {} a second ({} in {:.2f} s)\n"
        "data        {:.2f} MB/s\n"
        "latency     p50 {}, p90 {}, p99 {}, p99.9 {}, max {}\n"
        "initiator   {:.2f} µs of CPU an operation\n",
        grouped(static_cast<std::uint64_t>(per_second(result, operations))), grouped(times.count()),
        measured.seconds, moved_per_second(result) / 1e6, latency(times.quantile(0.5)),
        latency(times.quantile(0.9)), latency(times.quantile(0.99)), latency(times.quantile(0.999)),
        latency(times.largest()), result.cpu_seconds * 1e6 / total);
    if (measured.deepest < result.work.depth) {
        text += fmt::format(
            "in flight   {} of {} at most in a session: the target's window (MaxCmdSN) has no more\n",
            measured.deepest, result.work.depth);
    }
    text += measured.failed == 0
                ? "errors      none\n"
                : fmt::format("errors      {} of {} operations; the first: {}\n", grouped(measured.failed),
                              grouped(measured.total), printable(measured.first_failure));
    return text;
}

Json bench_json(const BenchRequest& request, const BenchResult& result) {
    const initiator::Work& work = result.work;
    const initiator::Measured& measured = result.measured;
    const initiator::Histogram& times = measured.latency_ns;
    const auto operations = static_cast<double>(times.count());
    const auto micros = [&](std::uint64_t ns) { return static_cast<double>(ns) / 1000; };
    constexpr const char* kDirections[] = {"read", "write", "mix"};
    return Json{
        {"host", request.url.host},
        {"port", request.url.port},
        {"target", request.url.target},
        {"lun", request.url.lun},
        {"vendor", result.facts.vendor},
        {"product", result.facts.product},
        {"blocks", result.facts.blocks},
        {"block_size", result.facts.block_bytes},
        {"immediate_data", result.agreed.immediate_data},
        {"initial_r2t", result.agreed.initial_r2t},
        {"first_burst_bytes", result.agreed.first_burst},
        {"max_send_segment_bytes", result.agreed.max_send_segment},
        {"header_digest", result.agreed.header_digest},
        {"data_digest", result.agreed.data_digest},
        {"direction", kDirections[static_cast<std::size_t>(work.direction)]},
        {"order", work.order == Order::random ? "random" : "sequential"},
        {"io_bytes", work.io_bytes},
        {"span_bytes", work.span_bytes},
        {"sessions", work.sessions},
        {"depth", work.depth},
        {"deepest", measured.deepest},
        {"wait", work.waiting == Waiting::spin ? "spin" : "sleep"},
        {"seed", work.seed},
        {"seconds", measured.seconds},
        {"operations", times.count()},
        {"reads", measured.reads},
        {"writes", measured.writes},
        {"operations_per_second", per_second(result, operations)},
        {"bytes_per_second", moved_per_second(result)},
        {"latency_us",
         {{"p50", micros(times.quantile(0.5))},
          {"p90", micros(times.quantile(0.9))},
          {"p99", micros(times.quantile(0.99))},
          {"p99_9", micros(times.quantile(0.999))},
          {"max", micros(times.largest())}}},
        {"all_operations", measured.total},
        {"initiator_cpu_seconds", result.cpu_seconds},
        {"errors", measured.failed},
        {"interrupted", measured.interrupted},
        {"first_error", measured.failed == 0 ? Json{} : Json(measured.first_failure)},
    };
}

int run_bench(const BenchArguments& arguments, bool json, std::ostream& out, std::ostream& err) {
    const auto request = plan_bench(arguments, std::getenv("TARGE_BENCH_PASSWORD"));
    if (!request) {
        print_problem(request.error(), json, out, err);
        return kMisused;
    }
    try {
        const BenchResult result = measure(*request, json ? nullptr : &out);
        if (json) {
            out << bench_json(*request, result).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        } else {
            out << bench_text(result);
        }
        return out && result.measured.failed == 0 && !result.measured.interrupted ? kDone : kFailed;
    } catch (const initiator::Failure& failure) {
        print_problem(Problem{.what = printable(failure.what()),
                              .cause = printable(failure.cause()),
                              .cure = printable(failure.cure())},
                      json, out, err);
        return kFailed;
    }
}

}  // namespace targe::cli
