// sim: runs the simulator, from one seed or many.
//
//   sim --seed 7              one run, and what it came to
//   sim --seed 7 --verbose    everything that happens in it
//   sim --seeds 1000          fresh seeds, or those from --seed on
//   sim --minutes 10          as many as go into the time
//
// Ends at the first promise that is not kept, with status 1 and the seed that shows it.
#include "base/log.h"
#include "sim/run.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <string_view>

namespace {

using targe::sim::Verbosity;
using targe::sim::Verdict;

struct Options {
    std::optional<std::uint64_t> seed;
    std::uint64_t seeds = 1;
    std::uint64_t minutes = 0;
    Verbosity verbosity = Verbosity::quiet;
};

[[noreturn]] void usage() {
    fmt::print(stderr, "usage: sim [--seed N] [--seeds M] [--minutes T] [--verbose]\n");
    std::exit(2);
}

std::uint64_t number(std::span<char*> arguments, std::size_t at) {
    if (at >= arguments.size()) {
        usage();
    }
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(arguments[at], &end, 10);
    if (*arguments[at] == '\0' || *end != '\0') {
        usage();
    }
    return value;
}

Options options_of(std::span<char*> arguments) {
    Options options;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "--seed") {
            options.seed = number(arguments, ++i);
        } else if (word == "--seeds") {
            options.seeds = number(arguments, ++i);
        } else if (word == "--minutes") {
            options.minutes = number(arguments, ++i);
        } else if (word == "--verbose") {
            options.verbosity = Verbosity::verbose;
        } else {
            usage();
        }
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    targe::base::set_log_level(targe::base::LogLevel::error);
    const Options options = options_of({argv, static_cast<std::size_t>(argc)});
    const std::uint64_t first = options.seed.value_or(std::random_device{}());
    const auto began = std::chrono::steady_clock::now();
    const auto spent = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    std::uint64_t runs = 0;
    std::uint64_t tasks = 0;
    std::uint64_t events = 0;
    while (options.minutes != 0 ? spent() < 60.0 * static_cast<double>(options.minutes)
                                : runs < options.seeds) {
        const Verdict verdict = targe::sim::simulate(first + runs, options.verbosity);
        ++runs;
        tasks += verdict.tasks;
        events += verdict.events;
        if (verdict.violation) {
            fmt::print("seed={} checker={} {}\n", verdict.seed, verdict.violation->checker,
                       verdict.violation->what);
            return 1;
        }
    }
    fmt::print("seed={} seeds={} tasks={} events={} seconds={:.1f} per_minute={:.0f}\n", first, runs, tasks,
               events, spent(), 60.0 * static_cast<double>(runs) / spent());
    return 0;
}
