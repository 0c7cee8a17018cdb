// What a handler is asked to do to ranges, and what is done where it does not.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::Handler;
using testing::HandlersMedium;

constexpr std::uint32_t kLarge = 4096;  // of a block
constexpr std::uint64_t kBlocks = 256;

/// Notes what is asked of it, and answers as the test says.
struct Noting : HandlersMedium {
    Noting() : HandlersMedium(kBlocks * kLarge) {}
    std::vector<targe_io> seen;
    std::vector<int> answers;  ///< of one after the other, then 0
    std::uint64_t extent = 2 * kLarge;

    static int note(void* context, targe_io* io) {
        auto& self = *static_cast<Noting*>(static_cast<HandlersMedium*>(context));
        const std::scoped_lock lock{self.mutex};
        self.seen.push_back(*io);
        return self.seen.size() <= self.answers.size() ? self.answers[self.seen.size() - 1] : 0;
    }
    static int note_extent(void* context, targe_io* io, targe_extent* extent) {
        auto& self = *static_cast<Noting*>(static_cast<HandlersMedium*>(context));
        extent->length = self.extent;
        extent->mapped = 0;
        return note(context, io);
    }
    [[nodiscard]] std::vector<targe_io> take() {
        const std::scoped_lock lock{mutex};
        return std::exchange(seen, {});
    }
};

constexpr targe_block_ops only_blocks() {
    targe_block_ops ops{};
    ops.struct_size = sizeof ops;
    ops.read = ops.write = ops.flush = Noting::note;
    return ops;
}

constexpr targe_block_ops all() {
    targe_block_ops ops = only_blocks();
    ops.unmap = ops.write_zeroes = ops.write_same = ops.copy = Noting::note;
    ops.block_status = Noting::note_extent;
    return ops;
}

class Ranges : public testing::WithHandlerHere {
protected:
    void serve(const targe_block_ops& ops) {
        settings_.block_size = kLarge;
        open(settings_);
        ops_ = ops;
        handler_.emplace(settings_.socket, noting_, ops_);
        await([&] { return on_.probe(device()).has_value(); });
    }
    std::optional<IoResult> write_same(Durability durability = Durability::cached) {
        const Bytes block(kLarge, std::byte{7});
        return on_.run([&](base::CommandArena& arena) {
            return device().write_same(arena, 3, 5, {block.data(), block.size()}, durability);
        });
    }
    /// The only one that it was asked for lately.
    targe_io asked() {
        const auto seen = noting_.take();
        EXPECT_EQ(seen.size(), 1U);
        return seen.empty() ? targe_io{} : seen[0];
    }
    void expect_asked(std::uint32_t flags, std::uint64_t source = 0) {
        const targe_io io = asked();
        EXPECT_EQ(io.offset, 3U * kLarge);
        EXPECT_EQ(io.length, 5U * kLarge);
        EXPECT_EQ(io.flags, flags);
        EXPECT_EQ(io.source, source);
    }

    Noting noting_;
    targe_block_ops ops_{};
    std::optional<Handler> handler_;
};

TEST_F(Ranges, AreThoseOfTheCommand) {
    serve(all());
    EXPECT_TRUE(on_.unmap(device(), 3, 5));
    expect_asked(0);
    for (const auto durability : {Durability::cached, Durability::durable}) {
        const std::uint32_t durable =
            durability == Durability::durable ? std::uint32_t{TARGE_IO_DURABLE} : 0U;
        EXPECT_TRUE(on_.write_zeroes(device(), 3, 5, false, durability));
        expect_asked(durable);
        EXPECT_TRUE(on_.write_zeroes(device(), 3, 5, true, durability));
        expect_asked(durable | TARGE_IO_MAY_UNMAP);
        EXPECT_TRUE(write_same(durability).value());
        expect_asked(durable);
        EXPECT_EQ(on_.copy(device(), 3, device(), 100, std::uint64_t{5} * kLarge, durability),
                  CopyPath::copied);
        expect_asked(durable, std::uint64_t{100} * kLarge);
    }
    EXPECT_EQ(on_.block_status(device(), 3, 5), (Extent{.lba = 3, .blocks = 2, .mapped = false}));
    expect_asked(0);
}

// What a handler leaves to targed is no failure, and what fails is not left to it.
TEST_F(Ranges, AreLeftToTargedOnlyByAHandlerThatSaysSo) {
    serve(all());
    const auto copy = [&] { return on_.copy(device(), 3, device(), 100, kLarge); };
    for (const int error : {ENOTSUP, ENOSYS}) {
        noting_.answers = {-error, -error};
        EXPECT_EQ(write_same(), std::nullopt);
        EXPECT_EQ(copy(), CopyPath::none);
        static_cast<void>(noting_.take());
    }
    noting_.answers = {-ENOSPC, -ENOSPC, -EIO, -EIO, -EIO};
    EXPECT_EQ(write_same(), failure(IoError::no_space, 3));
    const auto failed = copy();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().error, IoError::no_space);
    EXPECT_EQ(on_.write_zeroes(device(), 3, 5, false), failure(IoError::unwritable, 3));
    EXPECT_EQ(on_.unmap(device(), 3, 5), failure(IoError::unwritable, 3));
    EXPECT_FALSE(on_.block_status(device(), 3, 5));
}

TEST_F(Ranges, AreNotGivenToAHandlerThatDoesNothingOfThatKind) {
    serve(only_blocks());
    EXPECT_EQ(write_same(), std::nullopt);
    EXPECT_EQ(on_.copy(device(), 3, device(), 100, kLarge), CopyPath::none);
    EXPECT_EQ(on_.block_status(device(), 3, 5), (Extent{.lba = 3, .blocks = 5, .mapped = true}));
    EXPECT_TRUE(noting_.take().empty());
}

TEST_F(Ranges, AreNotCopiedByTheHandlerOfAnotherDevice) {
    serve(all());
    const testing::ScratchDirectory folder;
    const testing::Stopped other(testing::open_user(testing::settings_of(folder)), on_);
    EXPECT_EQ(on_.copy(device(), 3, *other, 100, kLarge), CopyPath::none);
    EXPECT_TRUE(noting_.take().empty());
}

// A piece after the other, each as durable as all is to be, and none behind one that has failed.
TEST_F(Ranges, AreFilledWithZeroesThatAreWritten) {
    serve(only_blocks());
    constexpr std::uint64_t kCount = 37;
    EXPECT_TRUE(on_.write_zeroes(device(), 3, kCount, true, Durability::durable));
    std::uint64_t at = 3 * kLarge;
    for (const targe_io& io : noting_.take()) {
        EXPECT_EQ(io.offset, at);
        EXPECT_EQ(io.flags, std::uint32_t{TARGE_IO_DURABLE});
        at += io.length;
    }
    EXPECT_EQ(at, (3 + kCount) * kLarge);
    noting_.answers = {0, -ENOSPC};
    const auto failed = on_.write_zeroes(device(), 3, kCount, true);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().error, IoError::no_space);
    const auto written = noting_.take();
    ASSERT_EQ(written.size(), 2U);
    EXPECT_EQ(written[0].flags, 0U);
}

}  // namespace
}  // namespace targe::device
