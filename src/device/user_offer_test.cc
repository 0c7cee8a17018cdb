// What of a command lies in the memory that is shared when it is offered, and what becomes of one that is
// aborted.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_raw_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <optional>
#include <span>
#include <vector>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::pattern;
using testing::RawHandler;

constexpr std::uint64_t kNexus = 7;

class Offered : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = 0x01;
        settings_.deadline = 60s;
        open(settings_);
    }
    RawHandler& attach(std::uint32_t depth) {
        targe_attachment how{};
        how.level = TARGE_COMMANDS;
        how.command_ops = &ops_;
        how.peripheral_type = 0x01;
        how.depth = depth;
        handler_.emplace(settings_.socket, how);
        EXPECT_TRUE(on_.probe(device()));
        return *handler_;
    }
    std::future<ServerAnswer> execute_later(ServerRequest& request) {
        return std::async(std::launch::async, [this, &request] {
            return on_.run(
                [&](base::CommandArena& arena) { return device().server()->execute(arena, request); });
        });
    }
    void abort(ServerRequest& request) {
        on_.ask([&] {
            request.abort();
            return true;
        });
    }
    [[nodiscard]] static std::uint32_t aborted(targe_slot& slot) {
        return std::atomic_ref(slot.aborted).load();
    }

    targe_command_ops ops_ = testing::executing([](void*, targe_command*) { return int{TARGE_DONE}; });
    const std::array<std::byte, 6> cdb_{std::byte{0xc0}};
    std::optional<RawHandler> handler_;
};

TEST_F(Offered, IsAllOfTheCommandAndNothingElse) {
    RawHandler& handler = attach(1);
    unsigned seed = 0;
    for (const std::size_t length : {6U, 31U, 32U, 33U, 64U, 65U, TARGE_MAX_CDB}) {
        for (const std::size_t size : {0U, 1U, 512U, 20'000U}) {
            const Bytes cdb = pattern(length, ++seed);
            const Bytes out = pattern(size, ++seed);
            const Bytes filled = pattern(size, ++seed);
            Bytes in(size);
            const base::ConstSegment out_segment{out.data(), size};
            const base::Segment in_segment{in.data(), size};
            const std::size_t segments = size > 0 ? 1 : 0;
            ServerRequest request{.cdb = cdb,
                                  .attribute = 2,
                                  .nexus = kNexus + seed,
                                  .tag = 0x1234'5678'9abcU + seed,
                                  .out = {&out_segment, segments},
                                  .in = {&in_segment, segments}};
            const auto before = base::Clock::now().time_since_epoch();
            auto ended = execute_later(request);
            targe_completion made = handler.take();
            const targe_slot& slot = handler.slot_of(made);
            EXPECT_EQ(slot.op, TARGE_OP_EXECUTE);
            EXPECT_EQ(slot.attribute, 2U);
            EXPECT_EQ(slot.session, kNexus + seed);
            EXPECT_EQ(slot.tag, 0x1234'5678'9abcU + seed);
            EXPECT_EQ(slot.flags, 0U);
            EXPECT_GE(slot.deadline_ns, static_cast<std::uint64_t>((before + 59s) / 1ns));
            EXPECT_LE(slot.deadline_ns,
                      static_cast<std::uint64_t>((base::Clock::now().time_since_epoch() + 60s) / 1ns));
            ASSERT_EQ(slot.cdb_length, length);
            const void* const lies_at = length > sizeof slot.cdb
                                            ? static_cast<const void*>(handler.arena() + slot.long_cdb_offset)
                                            : slot.cdb;
            EXPECT_EQ(std::memcmp(lies_at, cdb.data(), length), 0) << length;
            ASSERT_EQ(slot.out_length, size);
            ASSERT_EQ(slot.in_length, size);
            std::ranges::copy(filled, handler.arena() + slot.in_offset);
            EXPECT_TRUE(std::ranges::equal(out, std::span{handler.arena() + slot.out_offset, size}))
                << length;
            EXPECT_EQ(std::memcmp(lies_at, cdb.data(), length), 0) << "it lies where data-in go";
            made.in_length = static_cast<std::uint32_t>(size);
            handler.complete(made);
            EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
            EXPECT_EQ(in, filled);
        }
    }
}

TEST_F(Offered, IsKnownToBeAbortedUntilItHasEnded) {
    RawHandler& handler = attach(1);
    ServerRequest request{.cdb = cdb_, .nexus = kNexus};
    auto ended = execute_later(request);
    targe_completion made = handler.take();
    EXPECT_EQ(aborted(handler.slot_of(made)), 0U);
    abort(request);
    EXPECT_EQ(aborted(handler.slot_of(made)), 1U);
    handler.complete(made);
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
    EXPECT_EQ(request.told, nullptr) << "the slot is another command's now";
    ServerRequest next{.cdb = cdb_, .nexus = kNexus};
    ended = execute_later(next);
    made = handler.take();
    EXPECT_EQ(aborted(handler.slot_of(made)), 0U);
    handler.complete(made);
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
}

TEST_F(Offered, IsNothingThatWasAbortedBefore) {
    RawHandler& handler = attach(1);
    ServerRequest first{.cdb = cdb_, .nexus = kNexus};
    auto first_ended = execute_later(first);
    const targe_completion made = handler.take();
    ServerRequest second{.cdb = cdb_, .nexus = kNexus};
    auto second_ended = execute_later(second);
    EXPECT_EQ(second_ended.wait_for(20ms), std::future_status::timeout);
    abort(second);
    handler.complete(made);
    EXPECT_EQ(first_ended.get().end, ServerAnswer::End::answered);
    EXPECT_EQ(second_ended.get().end, ServerAnswer::End::away);
    EXPECT_FALSE(handler.has_more());
}

TEST_F(Offered, IsNothingThatTheMemoryHasNoRoomFor) {
    RawHandler& handler = attach(64);
    constexpr std::size_t kLargest = (std::size_t{64} << 20U) - std::size_t{64} * TARGE_SLOT_BYTES;
    Bytes in(kLargest / 2 + 1);
    base::Segment segment{in.data(), in.size()};
    ServerRequest large{.cdb = cdb_, .nexus = kNexus, .in = {&segment, 1}};
    EXPECT_EQ(execute_later(large).get().end, ServerAnswer::End::away);
    --segment.size;
    ServerRequest fits{.cdb = cdb_, .nexus = kNexus, .in = {&segment, 1}};
    auto ended = execute_later(fits);
    handler.complete(handler.take());
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
}

}  // namespace
}  // namespace targe::device
