// How long a handler may keep what it is given, and what it is told.
#include "device/user_limits.h"

#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <optional>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::failure;
using testing::Handler;
using testing::HandlersMedium;

constexpr std::size_t kSize = 8U << 20U;

TEST(LimitsOfHandlers, GiveOneThatEndsSomethingHalfAsLongAgain) {
    const base::Time overdue{1000s};
    const auto more = [&](std::chrono::milliseconds heard_before) {
        return limit_of_taken(overdue, overdue - heard_before, 100ms) - overdue;
    };
    EXPECT_EQ(more(200ms), 0ms);
    EXPECT_EQ(more(50ms), 0ms);
    EXPECT_EQ(more(49ms), 1ms);
    EXPECT_EQ(more(10ms), 40ms);
    EXPECT_EQ(more(0ms), 50ms);
    EXPECT_EQ(more(-10ms), 50ms) << "however much it ends";
    EXPECT_EQ(limit_of_taken(overdue, base::Time{}, 100ms), overdue) << "it has ended nothing yet";
}

class SlowHandler : public testing::WithHandlerHere {
protected:
    static constexpr std::chrono::milliseconds kDeadline{400};

    void SetUp() override {
        WithHandlerHere::SetUp();
        settings_.deadline = kDeadline;
        open(settings_);
    }
    /// A read that the handler keeps.
    std::future<IoResult> keep_one() {
        const unsigned before = medium_.reads;
        medium_.hold = true;
        auto kept = std::async(std::launch::async, [this] { return on_.read(device(), 0, kept_); });
        await([&] { return medium_.reads != before; });
        medium_.hold = false;
        return kept;
    }
    /// Others until `end`; the longest time in which none ended.
    std::chrono::steady_clock::duration read_others(std::chrono::steady_clock::time_point end) {
        std::chrono::steady_clock::duration longest{};
        auto before = std::chrono::steady_clock::now();
        while (before < end && !device().away()) {
            Bytes read(512);
            static_cast<void>(on_.read(device(), 9, read));
            const auto now = std::chrono::steady_clock::now();
            longest = std::max(longest, now - before);
            before = now;
        }
        return longest;
    }

    Bytes kept_ = Bytes(512);
    HandlersMedium medium_{kSize};
};

TEST_F(SlowHandler, IsNotTakenForHung) {
    for (bool shown = false; !shown;) {
        std::optional<Handler> handler(std::in_place, settings_.socket, medium_);
        ASSERT_TRUE(on_.probe(device()));
        const auto begin = std::chrono::steady_clock::now();
        auto kept = keep_one();
        const auto longest = read_others(begin + kDeadline + kDeadline / 5);
        medium_.complete_kept(0);
        const IoResult ended = kept.get();
        // Where this machine stood still, it has shown nothing.
        shown = longest < kDeadline / 5 && std::chrono::steady_clock::now() < begin + kDeadline * 7 / 5;
        if (shown) {
            EXPECT_TRUE(ended);
            EXPECT_FALSE(device().away());
        }
    }
}

TEST_F(SlowHandler, IsNotWaitedForWithoutEnd) {
    std::optional<Handler> handler(std::in_place, settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(device()));
    auto kept = keep_one();
    while (kept.wait_for(0s) != std::future_status::ready) {
        read_others(std::chrono::steady_clock::now() + 50ms);
    }
    EXPECT_EQ(kept.get(), failure(IoError::gone, 0));
    await([&] { return device().away(); });
    medium_.complete_kept(0);
}

}  // namespace
}  // namespace targe::device
