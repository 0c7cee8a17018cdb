#include "reactor/timer_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <random>

namespace targe::reactor {
namespace {

struct Plain final : base::Timer {
    void expired() override {}
};

base::Time at(int tick) {
    return base::Time(base::Duration(tick));
}

TEST(TimerQueue, GivesNothingBeforeTheDeadline) {
    TimerQueue queue;
    Plain timer;
    EXPECT_FALSE(queue.next_deadline());
    queue.arm(timer, at(10));
    EXPECT_TRUE(timer.armed());
    EXPECT_EQ(queue.next_deadline(), at(10));
    EXPECT_EQ(queue.take_expired(at(9)), nullptr);
    EXPECT_EQ(queue.take_expired(at(10)), &timer);
    EXPECT_FALSE(timer.armed());
    EXPECT_EQ(queue.take_expired(at(10)), nullptr);
}

TEST(TimerQueue, DisarmsTwiceWithoutHarm) {
    TimerQueue queue;
    Plain timer;
    queue.arm(timer, at(1));
    queue.disarm(timer);
    queue.disarm(timer);
    EXPECT_EQ(queue.size(), 0U);
}

TEST(TimerQueue, KeepsOrderThroughRandomChanges) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::deque<Plain> timers(500);
    TimerQueue queue;
    for (int step = 0; step < 20'000; ++step) {
        Plain& timer = timers[random() % timers.size()];
        if (random() % 3 == 0) {
            queue.disarm(timer);
        } else {
            queue.arm(timer, at(static_cast<int>(random() % 1000)));
        }
    }
    std::size_t armed = 0;
    for (const Plain& timer : timers) {
        armed += timer.armed() ? 1U : 0U;
    }
    EXPECT_EQ(queue.size(), armed);
    base::Time last = at(0);
    while (base::Timer* const timer = queue.take_expired(at(1000))) {
        ASSERT_GE(timer->deadline, last);
        last = timer->deadline;
        --armed;
    }
    EXPECT_EQ(armed, 0U);
}

}  // namespace
}  // namespace targe::reactor
