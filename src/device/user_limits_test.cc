// How long a handler may keep what it is given, and what it is told.
#include "device/user_limits.h"

#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

class Kept : public testing::WithHandlerHere {
protected:
    void open_disk(std::chrono::milliseconds hold, std::chrono::milliseconds deadline) {
        settings_.hold = hold;
        settings_.deadline = deadline;
        open(settings_);
    }
    std::future<IoResult> read_later(Bytes& into) {
        return std::async(std::launch::async, [&] { return on_.read(device(), 3, into); });
    }
    [[nodiscard]] targe_attachment disk() const {
        targe_attachment how{};
        how.block_ops = &testing::kWholeDisk;
        how.size = kSize;
        return how;
    }

    Bytes data_ = Bytes(512);
};

TEST_F(Kept, IsNothingForLongerThanTheDeadlineHoweverLongHandlersMayBeAway) {
    open_disk(1h, 30ms);
    EXPECT_EQ(on_.read(device(), 3, data_), failure(IoError::gone, 3));
}

TEST_F(Kept, IsNothingWhenTheDaemonEnds) {
    open_disk(1h, 1h);
    auto ended = read_later(data_);
    EXPECT_EQ(ended.wait_for(20ms), std::future_status::timeout);
    device().stop();
    EXPECT_EQ(ended.get(), failure(IoError::gone, 3));
    EXPECT_EQ(on_.read(device(), 3, data_), failure(IoError::gone, 3)) << "nor is anything later";
}

// BUSY would say that nothing of it was done.
TEST_F(Kept, IsNotCalledBusyWhatAFormerHandlerHadBegun) {
    settings_.busy_when_away = true;
    open_disk(30ms, 60s);
    {
        testing::RawHandler handler(settings_.socket, disk());
        await([&] { return on_.probe(device()).has_value(); });
        auto ended = read_later(data_);
        static_cast<void>(handler.take());
        handler.lose_connection();
        EXPECT_EQ(ended.get(), failure(IoError::gone, 3));
    }
    await([&] { return device().away(); });
    testing::RawHandler handler(settings_.socket, disk());
    await([&] { return on_.probe(device()).has_value(); });
    auto ended = read_later(data_);
    await([&] { return handler.has_more(); });
    handler.lose_connection();
    EXPECT_EQ(ended.get(), failure(IoError::no_resources, 3)) << "this one had not begun it";
}

// Not even by the one that has not seen it.
TEST_F(Kept, IsSaidToHaveBeenBegunByWhoeverHasIt) {
    open_disk(1h, 1h);
    std::future<IoResult> ended;
    for (const bool begins : {true, false}) {
        testing::RawHandler handler(settings_.socket, disk());
        ended = begins ? read_later(data_) : std::move(ended);
        await([&] { return handler.has_more(); });
        if (begins) {
            static_cast<void>(handler.take());
        }
        handler.lose_connection();
        await([&] { return device().away() && on_.refresh(device()); });
    }
    testing::RawHandler handler(settings_.socket, disk());
    const targe_completion made = handler.take();
    EXPECT_EQ(handler.slot_of(made).flags, std::uint32_t{TARGE_SLOT_REPLAYED});
    handler.complete(made);
    EXPECT_TRUE(ended.get());
}

// Its slot is free once the handler has seen that, and what it says then is of nobody.
TEST_F(Kept, IsTakenBackInTimeWhatNobodyHasBegun) {
    open_disk(60s, 50ms);
    testing::RawHandler handler(settings_.socket, disk());
    ASSERT_TRUE(on_.probe(device()));
    EXPECT_EQ(on_.read(device(), 3, data_), failure(IoError::gone, 3));
    const targe_completion late = handler.take();
    EXPECT_EQ(late.error, ECANCELED);
    const targe_slot& slot = handler.slot_of(late);
    EXPECT_EQ(slot.claim, slot.generation << TARGE_CLAIM_BITS | TARGE_CLAIM_REVOKED);
    handler.complete(late);
    EXPECT_TRUE(on_.probe(device()));
    EXPECT_FALSE(device().away());
}

}  // namespace
}  // namespace targe::device
