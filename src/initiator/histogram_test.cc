#include "initiator/histogram.h"

#include <gtest/gtest.h>

namespace targe::initiator {
namespace {

TEST(Histogram, KeepsQuantilesToTwoPercent) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 100'000; ++value) {
        histogram.add(value);
    }
    for (const double share : {0.001, 0.5, 0.9, 0.99, 0.999}) {
        const double exact = share * 100'000;
        EXPECT_NEAR(static_cast<double>(histogram.quantile(share)), exact, exact * 0.02 + 1);
    }
    EXPECT_EQ(histogram.count(), 100'000U);
    EXPECT_EQ(histogram.largest(), 100'000U);
}

TEST(Histogram, KnowsTheLargestValueExactlyAndExceedsItNowhere) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.5), 0U);
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1'000'003}, ~std::uint64_t{0}}) {
        histogram.add(value);
        EXPECT_EQ(histogram.largest(), value);
        EXPECT_LE(histogram.quantile(1.0), value);
    }
}

}  // namespace
}  // namespace targe::initiator
