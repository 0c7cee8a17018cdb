#include "reactor/running_time.h"

#include <gtest/gtest.h>

#include <chrono>

namespace targe::reactor {
namespace {
using namespace std::chrono_literals;

constexpr base::Time kStart{base::Duration{1000h}};

TEST(RunningTime, GoesWithTheHostsClockWhileSomebodyLooks) {
    RunningTime time{kStart};
    for (auto at = 0ms; at < 60s; at += 4999ms) {
        EXPECT_EQ(time.look(kStart + at), kStart + at);
        EXPECT_EQ(time.look(kStart + at + 1ms), kStart + at + 1ms);
    }
}

TEST(RunningTime, StandsStillWhileTheProcessIsStopped) {
    RunningTime time{kStart};
    EXPECT_EQ(time.look(kStart + 5s), kStart + 5s);
    const base::Time told = time.look(kStart + 5900ms);
    const base::Time after = time.look(kStart + 65900ms);
    EXPECT_GE(after, told) << "it does not go back";
    EXPECT_LE(after, told + RunningTime::kGrain);
    EXPECT_EQ(time.look(kStart + 66s), after + 100ms) << "and goes on";
    EXPECT_EQ(time.on_host(after + 1s), kStart + 66900ms);
    EXPECT_LE(time.look(kStart + 500s), after + 100ms + RunningTime::kGrain) << "and stands still again";
}

TEST(RunningTime, LeavesOutAGapOnceThoughSeveralFindIt) {
    RunningTime time{kStart};
    const base::Time first = time.look(kStart + 60s);
    EXPECT_EQ(first, kStart + RunningTime::kGrain);
    EXPECT_EQ(time.look(kStart + 60s + 1us), first + 1us);
    EXPECT_EQ(time.look(kStart + 62s), first + 2s);
}

/// Another thread had read the host's clock when the process was stopped, and goes on when it runs again.
TEST(RunningTime, DoesNotGoBackForWhoReadTheClockBeforeTheStop) {
    RunningTime time{kStart};
    const base::Time told = time.look(kStart + 500ms);
    const base::Time after = time.look(kStart + 60s);
    EXPECT_GE(time.look(kStart + 600ms), told);
    EXPECT_EQ(time.look(kStart + 600ms), after);
}

TEST(RunningTime, TakesNoTimeForAStopInWhichNothingWasToBeLookedFor) {
    RunningTime time{kStart};
    time.begin(kStart + 60s);
    EXPECT_EQ(time.look(kStart + 60s), kStart + 60s);
}

}  // namespace
}  // namespace targe::reactor
