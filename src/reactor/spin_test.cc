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

}  // namespace
}  // namespace targe::reactor
