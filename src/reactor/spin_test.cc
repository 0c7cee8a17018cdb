#include "reactor/spin.h"

#include <gtest/gtest.h>

#include <chrono>

namespace targe::reactor {
namespace {
using namespace std::chrono_literals;

TEST(SpinBound, BeginsWithSleeping) {
    EXPECT_EQ(SpinBound(50us).value(), 0us);
}

TEST(SpinBound, GrowsWhereSpinningWouldHaveMetTheWork) {
    SpinBound bound(50us);
    bound.found_work(40us, true);
    EXPECT_GE(bound.value(), 15us) << "25 of the 40 us were the wake-up";
    for (int i = 0; i < 10; ++i) {
        bound.found_work(30us, false);
    }
    EXPECT_EQ(bound.value(), 50us);
}

TEST(SpinBound, GoesToNothingWithinAFewLongGaps) {
    SpinBound bound(50us);
    bound.found_work(30us, false);
    ASSERT_EQ(bound.value(), 50us);
    for (int i = 0; i < 4; ++i) {
        bound.found_work(1ms, true);
    }
    EXPECT_EQ(bound.value(), 0us);
}

TEST(SpinBound, NeverSpinsWhenToldNotTo) {
    SpinBound bound(0us);
    bound.found_work(0us, false);
    bound.found_work(1us, true);
    EXPECT_EQ(bound.value(), 0us);
}

TEST(CpuDemand, StopsTheSpinningWhereOthersTakeTheCpuAndLongerEachTime) {
    CpuDemand demand;
    base::Time now{1h};
    EXPECT_TRUE(demand.leaves_room(now));
    demand.yielded(1us, now);
    EXPECT_TRUE(demand.leaves_room(now));
    for (const base::Duration pause : {10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1280ms, 2000ms, 2000ms}) {
        demand.yielded(3ms, now);
        EXPECT_FALSE(demand.leaves_room(now + pause - 1ns));
        EXPECT_TRUE(demand.leaves_room(now + pause));
        now += pause;
    }
    demand.yielded(1us, now);
    EXPECT_TRUE(demand.leaves_room(now));
    demand.yielded(3ms, now);
    EXPECT_TRUE(demand.leaves_room(now + 10ms));
}

}  // namespace
}  // namespace targe::reactor
