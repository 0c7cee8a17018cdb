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
constexpr std::uint32_t kCacheLine = 64;

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
            const std::size_t part = size / 3;
            const std::array<base::ConstSegment, 2> out_segments{
                {{out.data(), part}, {out.data() + part, size - part}}};
            const std::array<base::Segment, 2> in_segments{
                {{in.data(), part}, {in.data() + part, size - part}}};
            const std::size_t segments = size > 0 ? 2 : 0;
            ServerRequest request{.cdb = cdb,
                                  .attribute = 2,
                                  .nexus = kNexus + seed,
                                  .tag = 0x1234'5678'9abcU + seed,
                                  .out = {out_segments.data(), segments},
                                  .in = {in_segments.data(), segments}};
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
            EXPECT_EQ(slot.out_offset % kCacheLine, 0U);
            EXPECT_EQ(slot.in_offset % kCacheLine, 0U);
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

TEST_F(Offered, LiesApartFromWhatIsOfferedBesides) {
    // Each a little more than whole pages, for the one reason or the other.
    constexpr std::size_t kPages = 5 * std::size_t{TARGE_PAGE};
    struct Sizes {
        std::size_t cdb;
        std::size_t out;
        std::size_t in;
    };
    for (const Sizes sizes :
         {Sizes{6, kPages, 1}, Sizes{33, kPages, 0}, Sizes{65, 0, kPages - 100}, Sizes{6, 1, kPages - 32}}) {
        SCOPED_TRACE(sizes.cdb);
        RawHandler& handler = attach(64);
        const Bytes cdb = pattern(sizes.cdb, 1);
        const Bytes out(sizes.out);
        Bytes in(sizes.in);
        const base::ConstSegment out_segment{out.data(), sizes.out};
        const base::Segment in_segment{in.data(), sizes.in};
        const ServerRequest as_both{.cdb = cdb,
                                    .nexus = kNexus,
                                    .out = {&out_segment, sizes.out > 0 ? 1U : 0U},
                                    .in = {&in_segment, sizes.in > 0 ? 1U : 0U}};
        ServerRequest first = as_both;
        ServerRequest second = as_both;
        auto first_ended = execute_later(first);
        const targe_completion of_first = handler.take();
        auto second_ended = execute_later(second);
        const targe_completion of_second = handler.take();
        const targe_slot& before = handler.slot_of(of_first);
        const targe_slot& behind = handler.slot_of(of_second);
        EXPECT_LE(std::max(before.out_offset + before.out_length, before.in_offset + before.in_length),
                  sizes.cdb > sizeof behind.cdb ? behind.long_cdb_offset : behind.out_offset);
        handler.complete(of_first, of_second);
        EXPECT_EQ(first_ended.get().end, ServerAnswer::End::answered);
        EXPECT_EQ(second_ended.get().end, ServerAnswer::End::answered);
        handler_.reset();
        await([&] { return device().away(); });
    }
}

// A block that one initiator wants written over and over is no other's to see.
TEST_F(Offered, ShowsNobodyTheListsOfOthers) {
    ops_.remaps = 1;
    RawHandler& handler = attach(1);
    const Bytes out(512);
    const base::ConstSegment out_segment{out.data(), out.size()};
    ServerRequest first{.cdb = cdb_, .nexus = kNexus, .out = {&out_segment, 1}, .may_remap = true};
    auto ended = execute_later(first);
    targe_completion made = handler.take();
    const targe_slot& slot = handler.slot_of(made);
    ASSERT_EQ(slot.flags, std::uint32_t{TARGE_SLOT_MAY_REMAP});
    std::byte* const room = handler.arena() + slot.in_offset;
    std::fill_n(room, TARGE_REMAP_BYTES, std::byte{0x5e});
    const targe_remap one{.lba = 1, .blocks = 1, .source = 0};
    std::memcpy(room, &one, sizeof one);
    made.flags = TARGE_COMPLETION_WRITES_SAME;
    made.remaps = 1;
    made.block_bytes = 512;
    handler.complete(made);
    const ServerAnswer answer = ended.get();
    ASSERT_TRUE(answer.remap);
    EXPECT_EQ(answer.remap->block, Bytes(512, std::byte{0x5e}));
    Bytes in(TARGE_SLOT_BYTES);
    const base::Segment in_segment{in.data(), in.size()};
    ServerRequest second{.cdb = cdb_, .nexus = kNexus + 1, .in = {&in_segment, 1}};
    ended = execute_later(second);
    made = handler.take();
    made.in_length = TARGE_SLOT_BYTES;  // none of which it has filled
    handler.complete(made);
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
    EXPECT_EQ(in, Bytes(TARGE_SLOT_BYTES));
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
    const std::byte one{};
    const base::ConstSegment out{&one, 1};
    ServerRequest both{.cdb = cdb_, .nexus = kNexus, .out = {&out, 1}, .in = {&segment, 1}};
    EXPECT_EQ(execute_later(both).get().end, ServerAnswer::End::away);
    ServerRequest fits{.cdb = cdb_, .nexus = kNexus, .in = {&segment, 1}};
    auto ended = execute_later(fits);
    handler.complete(handler.take());
    EXPECT_EQ(ended.get().end, ServerAnswer::End::answered);
}

}  // namespace
}  // namespace targe::device
