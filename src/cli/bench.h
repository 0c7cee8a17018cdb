// `targe bench`: a load for any iSCSI target, and what is measured of it.
#pragma once

#include "admin/problem.h"
#include "initiator/unit.h"
#include "initiator/url.h"
#include "initiator/workload.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <expected>
#include <ostream>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace targe::cli {

/// As it was typed.
struct BenchArguments {
    std::string url;
    std::string size = "4KiB";
    std::string direction = "read";
    unsigned read_percent = 50;
    std::string order = "random";
    std::uint32_t depth = 32;
    std::uint32_t sessions = 1;
    double seconds = 5;
    double warm_up = 1;
    std::string wait = "sleep";
    std::string digests = "none";
    std::string span;  ///< empty: the whole unit
    std::uint64_t seed = 1;
    std::string initiator = "iqn.2026-11.io.targe:bench";
    bool destroy_data = false;
};

/// Adds the command's options to `command`; `arguments` must outlive it.
void add_bench_options(CLI::App& command, BenchArguments& arguments);

struct BenchRequest {
    initiator::Url url;
    initiator::SessionOptions session;
    initiator::Work work;  ///< but for block_bytes, and a span_bytes of 0 for the whole unit
};

/// `password` is what the environment has, for a user whose password is not in the URL; may be null. An error
/// is a misuse.
[[nodiscard]] std::expected<BenchRequest, admin::Problem> plan_bench(const BenchArguments& arguments,
                                                                     const char* password);
/// Fits the request to the unit.
[[nodiscard]] std::expected<initiator::Work, admin::Problem> fit(const initiator::Work& work,
                                                                 const initiator::UnitFacts& facts);

/// What is printed; `cpu_seconds` is the initiator's.
struct BenchResult {
    initiator::UnitFacts facts;
    initiator::Agreed agreed;
    initiator::Work work;
    initiator::Measured measured;
    double cpu_seconds = 0;
};
[[nodiscard]] std::string bench_introduction(const BenchRequest& request, const BenchResult& result);
[[nodiscard]] std::string bench_text(const BenchResult& result);
[[nodiscard]] nlohmann::ordered_json bench_json(const BenchRequest& request, const BenchResult& result);

/// Runs it. Returns the exit status.
int run_bench(const BenchArguments& arguments, bool json, std::ostream& out, std::ostream& err);

}  // namespace targe::cli
