// What a handler of blocks says that cannot be ends its attachment, and what can be does not: each bound from
// both sides.
#include "device/user_block_fixture.h"
#include "device/user_device.h"
#include "device/user_lendable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <span>
#include <thread>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::LendableMemory;
using testing::RawHandler;

constexpr std::uint32_t kSlots = 64;  // of a handler that does not say how many it wants
using Say = std::function<void(targe_completion&)>;

class Blocks : public testing::WithRawBlocks {
protected:
    /// Whether a read of one block ends well that is completed so.
    bool reads(const Say& say) {
        RawHandler& handler = attach();
        auto read = read_later(data_);
        targe_completion made = handler.take();
        say(made);
        handler.complete(made);
        const bool well = read.get().has_value();
        EXPECT_EQ(is_given_up(), !well && made.error == 0);
        return well;
    }
    /// Whether what is said of 16 blocks is passed on.
    bool tells_of_extent(const Say& say) {
        RawHandler& handler = attach();
        auto told = std::async(std::launch::async, [&] { return on_.block_status(device(), 8, 16); });
        targe_completion made = handler.take();
        say(made);
        handler.complete(made);
        const auto extent = told.get();
        EXPECT_EQ(is_given_up(), !extent && made.error == 0);
        return extent.has_value();
    }
    /// By the time at which an operation has ended its queue has had a look.
    bool is_given_up() {
        on_.ask([] { return true; });
        return device().away();
    }
};

TEST_F(Blocks, EndInAnErrorThatThereIs) {
    EXPECT_TRUE(reads([](auto& /*made*/) {}));
    EXPECT_FALSE(reads([](auto& made) { made.error = 4095; }));
    EXPECT_FALSE(device().away());
    for (const int error : {-EIO, 4096, INT32_MIN, INT32_MAX}) {
        RawHandler& handler = attach();
        auto read = read_later(data_);
        targe_completion made = handler.take();
        made.error = error;
        handler.complete(made);
        EXPECT_FALSE(read.get());
        EXPECT_TRUE(is_given_up()) << error;
    }
}

TEST_F(Blocks, AreNothingThatWasNotAskedFor) {
    EXPECT_FALSE(reads([](auto& made) { ++made.slot; })) << "a slot that is free";
    EXPECT_FALSE(reads([](auto& made) { made.slot = kSlots; }));
    EXPECT_FALSE(reads([](auto& made) { made.slot = TARGE_MAX_SLOTS; }));
    EXPECT_FALSE(reads([](auto& made) { made.slot = UINT32_MAX; }));
    EXPECT_FALSE(reads([](auto& made) { ++made.generation; }));
    EXPECT_FALSE(reads([](auto& made) { made.flags = TARGE_COMPLETION_GOES_ON; }));
    EXPECT_FALSE(reads([](auto& made) { made.flags = TARGE_COMPLETION_LENT; })) << "it lends nothing";
    EXPECT_FALSE(reads([](auto& made) { made.flags = TARGE_COMPLETION_WRITES_SAME; }));
    EXPECT_FALSE(reads([](auto& made) { made.flags = TARGE_COMPLETION_COPIES; }));
}

TEST_F(Blocks, LieInExtentsThatCanBe) {
    EXPECT_TRUE(tells_of_extent([](auto& made) { made.information = 16 * 512; }));
    EXPECT_TRUE(tells_of_extent([](auto& made) { made.information = 512; }));
    EXPECT_FALSE(tells_of_extent([](auto& made) { made.error = EIO; })) << "of which nothing more counts";
    EXPECT_FALSE(device().away());
    for (const std::int64_t length : {std::int64_t{0}, std::int64_t{-512}, std::int64_t{17} * 512,
                                      std::int64_t{511}, std::int64_t{513}, INT64_MIN, INT64_MAX}) {
        EXPECT_FALSE(tells_of_extent([&](auto& made) { made.information = length; })) << length;
    }
}

TEST_F(Blocks, LieInMemoryThatIsLent) {
    const LendableMemory memory(1U << 20U);
    struct Case {
        std::uint64_t at;
        bool is_there;
    };
    for (const Case each : {Case{0, true}, Case{(1U << 20U) - 512, true}, Case{(1U << 20U) - 511, false},
                            Case{1U << 20U, false}, Case{UINT64_MAX, false}, Case{UINT64_MAX - 511, false}}) {
        RawHandler& handler = attach(memory.descriptor);
        auto read = read_later(data_);
        targe_completion made = handler.take();
        made.flags = TARGE_COMPLETION_LENT;
        made.command_specific = each.at;
        handler.complete(made);
        EXPECT_EQ(read.get().has_value(), each.is_there) << each.at;
        EXPECT_EQ(is_given_up(), !each.is_there);
    }
    // Nothing is lent by what failed, or is no read.
    RawHandler& fails = attach(memory.descriptor);
    auto read = read_later(data_);
    targe_completion made = fails.take();
    made.flags = TARGE_COMPLETION_LENT;
    made.error = EIO;
    fails.complete(made);
    EXPECT_FALSE(read.get());
    EXPECT_TRUE(is_given_up());
    RawHandler& flushes = attach(memory.descriptor);
    auto flushed = std::async(std::launch::async, [&] { return on_.flush(device()); });
    made = flushes.take();
    made.flags = TARGE_COMPLETION_LENT;
    flushes.complete(made);
    EXPECT_FALSE(flushed.get());
    EXPECT_TRUE(is_given_up());
}

// What was said of one request says nothing of the next one in its slot.
TEST_F(Blocks, AreNotAnsweredByWhatWasSaidBefore) {
    RawHandler& handler = attach();
    auto first = read_later(data_);
    const targe_completion made = handler.take();
    handler.complete(made);
    EXPECT_TRUE(first.get());
    Bytes later(512);
    auto second = read_later(later);
    EXPECT_EQ(handler.take().slot, made.slot);
    handler.complete(made);
    EXPECT_FALSE(second.get());
    EXPECT_TRUE(is_given_up());
}

TEST_F(Blocks, AreNotAnsweredTwice) {
    RawHandler& handler = attach();
    auto read = read_later(data_);
    const targe_completion made = handler.take();
    handler.complete(made);
    EXPECT_TRUE(read.get());
    auto next = read_later(data_);
    await([&] { return handler.has_more(); });
    handler.complete(made);
    EXPECT_FALSE(next.get());
    EXPECT_TRUE(is_given_up());
}

// Another one goes on, so that its slot is nobody's meanwhile.
TEST_F(Blocks, AreNotAnsweredTwiceInASlotThatIsFree) {
    RawHandler& handler = attach();
    auto first = read_later(data_);
    const targe_completion goes_on = handler.take();
    Bytes other(512);
    auto second = read_later(other);
    const targe_completion ended = handler.take();
    handler.complete(ended);
    EXPECT_TRUE(second.get());
    handler.complete(ended, goes_on);
    EXPECT_FALSE(first.get());
    EXPECT_TRUE(is_given_up());
    // Nor by what names no request at all.
    RawHandler& next = attach();
    first = read_later(data_);
    const targe_completion asked_for = next.take();
    targe_completion of_nothing{};
    of_nothing.slot = asked_for.slot + 1;
    next.complete(of_nothing, asked_for);
    EXPECT_FALSE(first.get());
    EXPECT_TRUE(is_given_up());
}

TEST_F(Blocks, AreNotAnsweredOnceALieWasTold) {
    RawHandler& handler = attach();
    auto first = read_later(data_);
    targe_completion lie = handler.take();
    ++lie.generation;
    Bytes other(512);
    auto second = read_later(other);
    handler.complete(lie, handler.take());
    EXPECT_FALSE(first.get());
    EXPECT_FALSE(second.get());
}

TEST_F(Blocks, CountThatWereAnsweredBeforeTheirHandlerWent) {
    RawHandler& handler = attach();
    auto read = read_later(data_);
    const targe_completion made = handler.take();
    std::this_thread::sleep_for(50ms);  // for its core to sleep
    on_.ask([&] {                       // in one turn: the queue looks afterwards
        handler.complete_quietly(made);
        handler.lose_connection();
        await([&] { return device().away(); });
        return true;
    });
    EXPECT_TRUE(read.get());
}

TEST_F(Blocks, DoNotCountThatAreAnsweredByAHandlerThatWasGivenUp) {
    RawHandler& handler = attach();
    auto read = read_later(data_);
    const targe_completion made = handler.take();
    std::this_thread::sleep_for(50ms);
    on_.ask([&] {
        handler.say_nonsense();
        await([&] { return device().away(); });
        handler.complete_quietly(made);
        return true;
    });
    EXPECT_FALSE(read.get());
}

TEST_F(Blocks, ThatCouldNotBeReadAreNotCopied) {
    RawHandler& handler = attach();
    auto read = read_later(data_);
    targe_completion made = handler.take();
    std::fill_n(handler.arena() + handler.slot_of(made).in_offset, 512, std::byte{0x5e});
    made.error = EIO;
    handler.complete(made);
    EXPECT_FALSE(read.get());
    EXPECT_EQ(data_, Bytes(512));
}

TEST_F(Blocks, MayBeLentWhereTheyAreReadFromAHandlerThatDoesThat) {
    const LendableMemory memory(1U << 20U);
    for (const int lent : {-1, memory.descriptor}) {
        RawHandler& handler = attach(lent);
        auto read = read_later(data_);
        targe_completion made = handler.take();
        EXPECT_EQ(handler.slot_of(made).flags, lent < 0 ? 0U : std::uint32_t{TARGE_SLOT_MAY_LEND});
        handler.complete(made);
        EXPECT_TRUE(read.get());
        auto written = std::async(std::launch::async, [&] { return on_.write(device(), 8, data_); });
        made = handler.take();
        EXPECT_EQ(handler.slot_of(made).flags, 0U);
        handler.complete(made);
        EXPECT_TRUE(written.get());
    }
}

TEST_F(Blocks, AreNotMoreThanWereAskedFor) {
    for (const std::uint32_t count : {3U, TARGE_MAX_SLOTS + 1, 1U << 31U, UINT32_MAX}) {
        RawHandler& handler = attach();
        auto read = read_later(data_);
        static_cast<void>(handler.take());
        handler.claim_to_have_completed(count);
        EXPECT_FALSE(read.get());
        EXPECT_TRUE(is_given_up()) << count;
    }
}

TEST_F(Blocks, OnLoanAreNotAnsweredAgain) {
    RawHandler& handler = attach();
    auto lent = std::async(std::launch::async, [&] {
        return on_.run([&](base::CommandArena& arena) { return device().read_lent(arena, 8, 1); });
    });
    const targe_completion made = handler.take();
    std::fill_n(handler.arena() + handler.slot_of(made).in_offset, 512, std::byte{0x5e});
    handler.complete(made);
    const auto loan = lent.get();
    ASSERT_TRUE(loan);
    handler.complete(made);
    Bytes other(512);
    EXPECT_FALSE(read_later(other).get());
    EXPECT_TRUE(is_given_up());
    EXPECT_TRUE(std::ranges::all_of(std::span{loan->data.data, loan->data.size},
                                    [](std::byte b) { return b == std::byte{0x5e}; }));
    on_.ask([&] {
        device().give_back(loan->number);
        return true;
    });
}

}  // namespace
}  // namespace targe::device
