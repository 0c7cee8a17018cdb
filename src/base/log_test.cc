#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace targe::base {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::mutex g_mutex;
std::vector<std::string> g_lines;

class Log : public testing::Test {
protected:
    Log() {
        g_lines.clear();
        set_log_level(LogLevel::info);
        set_log_sink([](std::string_view line) {
            const std::scoped_lock hold(g_mutex);
            g_lines.emplace_back(line);
        });
    }
    ~Log() override { set_log_sink(nullptr); }
};

TEST_F(Log, WritesLevelSubjectAndText) {
    TARGE_LOG(warning, "disk0", "{} blocks are gone", 7);
    ASSERT_EQ(g_lines.size(), 1U);
    EXPECT_THAT(g_lines[0], EndsWith("disk0: 7 blocks are gone\n"));
}

TEST_F(Log, DoesNotEvaluateWhatIsAboveItsLevel) {
    int evaluated = 0;
    TARGE_LOG(debug, "test", "{}", ++evaluated);
    EXPECT_EQ(evaluated, 0);
    set_log_level(LogLevel::debug);
    TARGE_LOG(debug, "test", "{}", ++evaluated);
    EXPECT_EQ(evaluated, 1);
    EXPECT_EQ(g_lines.size(), 1U);
}

TEST_F(Log, KeepsTextFromOutsideOnItsLine) {
    TARGE_LOG(info, "iscsi", "hello {}", "a\n<0>b\x1b[2J");
    ASSERT_EQ(g_lines.size(), 1U);
    EXPECT_THAT(g_lines[0], HasSubstr(R"(hello a\x0a<0>b\x1b[2J)"));
}

TEST_F(Log, DoesNotLetOneSiteFlood) {
    for (int i = 0; i < 1000; ++i) {
        TARGE_LOG(error, "test", "again");
    }
    // The window of ten seconds may end once while this runs.
    EXPECT_LE(g_lines.size(), 2U * LogSite::kLines);
}

TEST(LogSite, TellsInTheNextWindowWhatItLeftOut) {
    LogSite site;
    for (std::uint32_t i = 0; i < LogSite::kLines; ++i) {
        EXPECT_TRUE(site.admit(100).write);
    }
    EXPECT_FALSE(site.admit(101).write);
    EXPECT_FALSE(site.admit(109).write);
    const LogSite::Answer next = site.admit(110);
    EXPECT_TRUE(next.write);
    EXPECT_EQ(next.left_out, 2U);
    EXPECT_EQ(site.admit(200).left_out, 0U);
}

TEST_F(Log, MayBeWrittenFromManyThreads) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < 100; ++i) {
                TARGE_LOG(info, "thread", "{} {}", t, i);
            }
        });
    }
    threads.clear();
    EXPECT_GE(g_lines.size(), LogSite::kLines);
}

}  // namespace
}  // namespace targe::base
