#include "cli/bench.h"

#include "cli/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace targe::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kUrl[] = "iscsi://127.0.0.1/iqn.x:y/3";

BenchArguments arguments(std::string url = kUrl) {
    BenchArguments made;
    made.url = std::move(url);
    return made;
}

BenchResult result() {
    BenchResult made;
    made.facts = {.vendor = "TARGE", .product = "DISK", .blocks = 2048, .block_bytes = 512};
    made.work = *fit(plan_bench(arguments(), nullptr)->work, made.facts);
    for (std::uint64_t us = 1; us <= 2000; ++us) {
        made.measured.latency_ns.add(us * 1000);
    }
    made.measured.reads = made.measured.total = 2000;
    made.measured.seconds = 0.5;
    made.measured.deepest = 32;
    made.cpu_seconds = 0.001;
    return made;
}

TEST(Bench, TakesWhatIsAskedFor) {
    BenchArguments asked = arguments("iscsi://me:secret@[::1]:99/iqn.x:y/3");
    asked.size = "128KiB";
    asked.direction = "mix";
    asked.destroy_data = true;
    asked.digests = "both";
    asked.span = "1MiB";
    const auto request = plan_bench(asked, nullptr);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->session.host, "::1");
    EXPECT_EQ(request->session.port, 99);
    EXPECT_EQ(request->session.lun, 3);
    EXPECT_EQ(request->session.credentials, (initiator::Credentials{.user = "me", .password = "secret"}));
    EXPECT_TRUE(request->session.digests.header && request->session.digests.data);
    EXPECT_EQ(request->work.io_bytes, 131'072U);
    EXPECT_EQ(request->work.span_bytes, 1'048'576U);
    EXPECT_EQ(request->work.direction, initiator::Direction::mix);
}

TEST(Bench, TakesThePasswordFromTheEnvironmentToo) {
    const BenchArguments asked = arguments("iscsi://me@h/iqn.x/0");
    EXPECT_EQ(plan_bench(asked, "other")->session.credentials->password, "other");
    EXPECT_THAT(plan_bench(asked, nullptr).error().what, HasSubstr("no password for user \"me\""));
    EXPECT_FALSE(plan_bench(asked, ""));
    EXPECT_EQ(plan_bench(arguments("iscsi://me:own@h/iqn.x/0"), "other")->session.credentials->password,
              "own");
}

TEST(Bench, WritesOnlyWhenItMayDestroyData) {
    for (const char* const direction : {"write", "mix"}) {
        BenchArguments asked = arguments();
        asked.direction = direction;
        const auto refused = plan_bench(asked, nullptr);
        ASSERT_FALSE(refused);
        EXPECT_THAT(refused.error().what, HasSubstr("overwrites the unit"));
        EXPECT_THAT(refused.error().cure, HasSubstr("--destroy-data"));
        asked.destroy_data = true;
        EXPECT_TRUE(plan_bench(asked, nullptr));
    }
}

TEST(Bench, RefusesSizesThatCannotBe) {
    for (const char* const size : {"", "0", "x", "17MiB", "-1", "4KB"}) {
        BenchArguments asked = arguments();
        asked.size = size;
        EXPECT_THAT(plan_bench(asked, nullptr).error().what, StartsWith("--size")) << size;
    }
    for (const char* const span : {"x", "1KiB"}) {
        BenchArguments asked = arguments();
        asked.span = span;
        EXPECT_THAT(plan_bench(asked, nullptr).error().what, StartsWith("--span")) << span;
    }
}

TEST(Bench, FitsTheUnit) {
    const initiator::UnitFacts disk{.vendor = {}, .product = {}, .blocks = 16, .block_bytes = 4096};
    initiator::Work work{.io_bytes = 8192, .span_bytes = 0};
    EXPECT_EQ(fit(work, disk)->span_bytes, 65'536U);
    EXPECT_EQ(fit(work, disk)->block_bytes, 4096U);
    work.span_bytes = 65'537;
    EXPECT_THAT(fit(work, disk).error().what, HasSubstr("only 64KiB"));
    work = {.io_bytes = 512, .span_bytes = 0};
    EXPECT_THAT(fit(work, disk).error().cause, HasSubstr("4096"));
    work.io_bytes = 131'072;
    EXPECT_FALSE(fit(work, disk));
}

TEST(Bench, ShowsWhatItDoesAndWhatItFound) {
    const auto request = *plan_bench(arguments(), nullptr);
    EXPECT_EQ(bench_introduction(request, result()),
              "unit        TARGE DISK, 1 MiB in blocks of 512 bytes\n"
              "at          127.0.0.1 port 3260, iqn.x:y LUN 3\n"
              "agreed      immediate data, initial R2T, first burst 64 KiB, PDUs of 8 KiB to the target, no "
              "digests\n"
              "work        random reads of 4 KiB, 1 session of depth 32, 5 s after 1 s; initiator sleeps; "
              "seed 1\n");
    EXPECT_EQ(bench_text(result()),
              "\noperations  4,000 a second (2,000 in 0.50 s)\n"
              "data        16.38 MB/s\n"
              "latency     p50 1.01 ms, p90 1.79 ms, p99 1.98 ms, p99.9 2.00 ms, max 2.00 ms\n"
              "initiator   0.50 µs of CPU an operation\n"
              "errors      none\n");
    BenchResult bad = result();
    bad.measured.failed = 1234;
    bad.measured.first_failure = "BUSY";
    bad.measured.reads = 1000;
    EXPECT_THAT(bench_text(bad), HasSubstr("data        8.19 MB/s\n"));
    EXPECT_THAT(bench_text(bad), HasSubstr("errors      1,234 of 2,000 operations; the first: BUSY\n"));
    const auto json = bench_json(request, bad);
    EXPECT_EQ(json["operations_per_second"], 4000);
    EXPECT_EQ(json["latency_us"]["max"], 2000);
    EXPECT_EQ(json["first_error"], "BUSY");
    EXPECT_TRUE(bench_json(request, result())["first_error"].is_null());
    EXPECT_FALSE(bench_json(request, result())["interrupted"]);
    bad.measured.deepest = 20;
    EXPECT_THAT(bench_text(bad), HasSubstr("in flight   20 of 32 at most in a session: the target's window"));
    EXPECT_EQ(bench_json(request, bad)["deepest"], 20);
    bad.measured.interrupted = true;
    EXPECT_THAT(bench_text(bad), StartsWith("\ninterrupted, and measured for less than was asked for\n\nop"));
    EXPECT_TRUE(bench_json(request, bad)["interrupted"]);
}

TEST(Bench, SaysHowItIsMisusedAndWhyItCannotConnect) {
    const auto targe = [](std::vector<const char*> words) {
        words.insert(words.begin(), {"targe", "bench"});
        std::ostringstream out;
        std::ostringstream err;
        const Ask nobody = [](const std::string&, std::string_view,
                              std::chrono::milliseconds) -> std::expected<std::string, admin::Problem> {
            ADD_FAILURE() << "the daemon was asked";
            return "";
        };
        const int status = run(words, nobody, out, err);
        return std::to_string(status) + out.str() + err.str();
    };
    EXPECT_THAT(targe({"x"}),
                AllOf(StartsWith("2targe: the URL is not understood"), HasSubstr("try: targe bench")));
    EXPECT_THAT(targe({}), StartsWith("2targe: URL is required"));
    EXPECT_THAT(targe({kUrl, "--depth", "0"}), StartsWith("2targe: "));
    EXPECT_THAT(targe({kUrl, "--direction", "both"}), StartsWith("2targe: "));
    EXPECT_THAT(targe({kUrl, "--direction", "write"}), HasSubstr("--destroy-data"));
    EXPECT_THAT(targe({kUrl, "--direction", "write", "--json"}),
                StartsWith("2{\n  \"error\": {\n    \"what\":"));
    // Nobody listens on port 1 of this machine.
    EXPECT_THAT(targe({"iscsi://127.0.0.1:1/iqn.x/0"}),
                AllOf(StartsWith("1targe: cannot connect to 127.0.0.1 port 1: Connection refused\n"),
                      HasSubstr("cause: no target listens on this port"), HasSubstr("try: start it")));
}

}  // namespace
}  // namespace targe::cli
