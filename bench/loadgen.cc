// loadgen --port P --target IQN [--lun N] [--direction read|write] [--order random|sequential] [--wait
// spin|sleep]
//         [--sessions N] [--depth N] [--io BYTES] [--block BYTES] [--span BYTES] [--seconds S] [--warmup S]
//         [--seed N] [--pace steady|steps] [--digests yes|no] [--operations N]
// Prints one JSON object.
#include "bench/arguments.h"
#include "initiator/workload.h"

#include <sys/resource.h>

#include <cstdio>
#include <exception>

namespace {

using targe::bench::Arguments;

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

targe::initiator::Work work_from(Arguments& arguments) {
    targe::initiator::Work work;
    using enum targe::initiator::Direction;
    using enum targe::initiator::Order;
    work.direction = arguments.text("direction", "read") == "write" ? write : read;
    work.order = arguments.text("order", "random") == "sequential" ? sequential : random;
    work.waiting = arguments.text("wait", "sleep") == "spin" ? targe::initiator::Waiting::spin
                                                             : targe::initiator::Waiting::sleep;
    work.pace = arguments.text("pace", "steady") == "steps" ? targe::initiator::Pace::in_steps
                                                            : targe::initiator::Pace::steady;
    work.sessions = arguments.number("sessions", work.sessions);
    work.depth = arguments.number("depth", work.depth);
    work.block_bytes = arguments.number("block", work.block_bytes);
    work.io_bytes = arguments.number("io", work.io_bytes);
    work.span_bytes = arguments.number<std::uint64_t>("span", 1U << 30U);
    work.seconds = arguments.number("seconds", work.seconds);
    work.warm_up_seconds = arguments.number("warmup", work.warm_up_seconds);
    work.operations = arguments.number("operations", work.operations);
    work.seed = arguments.number("seed", work.seed);
    return work;
}

targe::initiator::SessionOptions session_from(Arguments& arguments) {
    targe::initiator::SessionOptions options;
    options.host = arguments.text("address", options.host);
    options.port = arguments.number("port", options.port);
    options.target = arguments.text("target", "");
    options.lun = arguments.number("lun", options.lun);
    const bool digests = arguments.text("digests", "no") == "yes";
    options.digests = {.header = digests, .data = digests};
    return options;
}

void print(const targe::initiator::Work& work, const targe::initiator::Measured& measured, double cpu) {
    const auto operations = static_cast<double>(measured.latency_ns.count());
    const auto micros = [&](double share) {
        return static_cast<double>(measured.latency_ns.quantile(share)) / 1000;
    };
    std::printf(
        "{\"operations\": %.0f, \"total_operations\": %llu, \"failed\": %llu, \"seconds\": %.6f, "
        "\"ops_per_s\": %.1f, \"mb_per_s\": "
        "%.2f, "
        "\"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, "
        "\"initiator_cpu_s\": %.4f}\n",
        operations, static_cast<unsigned long long>(measured.total),
        static_cast<unsigned long long>(measured.failed), measured.seconds, operations / measured.seconds,
        operations * work.io_bytes / measured.seconds / 1e6, micros(0.5), micros(0.9), micros(0.99),
        micros(0.999), static_cast<double>(measured.latency_ns.largest()) / 1000, cpu);
}

}  // namespace

int main(int count, char** values) {
    try {
        Arguments arguments(count, values);
        const targe::initiator::Work work = work_from(arguments);
        const targe::initiator::SessionOptions options = session_from(arguments);
        arguments.finish();
        targe::initiator::Workload workload(work, options);
        const double before = cpu_seconds();
        const targe::initiator::Measured measured = workload.run();
        print(work, measured, cpu_seconds() - before);
        return measured.failed == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "loadgen: %s\n", error.what());
        return 2;
    }
}
