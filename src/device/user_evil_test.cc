// Whatever a handler writes into what it shares with targed, every operation ends, and the next handler can
// work.
#include "device/user_evil.h"

#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <random>

namespace targe::device {
namespace {

TEST(EvilHandlers, HurtNobody) {
    if (const char* const why = testing::why_no_handler_here()) {
        GTEST_SKIP() << why;
    }
    constexpr int kVisits = 200;
    const auto seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed=" << seed);
    std::mt19937 dice(seed);
    testing::EvilPlace place;
    for (int visit = 0; visit < kVisits; ++visit) {
        std::vector<std::byte> bytes(dice() % 200);
        for (std::byte& each : bytes) {
            each = static_cast<std::byte>(dice());
        }
        ASSERT_TRUE(place.visit(bytes)) << visit;
    }
}

}  // namespace
}  // namespace targe::device
