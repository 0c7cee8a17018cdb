// Block devices, on a loop device where the machine lets us make one.
#include "device/block_device.h"

#include "device/queue_facts.h"
#include "device/testing_device.h"
#include "device/testing_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::LoopDevice;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;

constexpr std::uint64_t kMiB = 1ULL << 20U;

class BlockDeviceOfBlockSize : public ::testing::TestWithParam<std::uint32_t> {
protected:
    BlockDeviceOfBlockSize() {
        std::ofstream(file_).close();
        std::filesystem::resize_file(file_, 8 * kMiB);
        loop_ = std::make_unique<LoopDevice>(file_, GetParam());
    }
    /// Skipped, and so counted and named, where there is no block device to test on.
    void SetUp() override {
        if (!*loop_) {
            GTEST_SKIP() << loop_->why_not();
        }
    }
    [[nodiscard]] DeviceConfig config() const {
        return {.handler = Handler::block, .path = loop_->path(), .block_size = GetParam()};
    }
    [[nodiscard]] Bytes blocks(std::size_t count, unsigned seed) const {
        return pattern(count * GetParam(), seed);
    }

    ScratchDirectory directory_;
    std::string file_ = directory_ / "backing";
    std::unique_ptr<LoopDevice> loop_;
    OnReactor on_;
};

TEST_P(BlockDeviceOfBlockSize, HasTheSizeOfTheDevice) {
    const auto device = open_or_fail(config());
    EXPECT_EQ(device->geometry().blocks, 8 * kMiB / GetParam());
    EXPECT_EQ(device->geometry().block_size, GetParam());
    EXPECT_FALSE(device->capabilities().block_status);
}

TEST_P(BlockDeviceOfBlockSize, ReadsWhatWasWritten) {
    const auto device = open_or_fail(config());
    unsigned seed = 0;
    for (const std::size_t count : {1U, 5U, 300U}) {
        for (const Durability durability : {Durability::cached, Durability::durable}) {
            const Bytes data = blocks(count, ++seed);
            EXPECT_TRUE(on_.write(*device, 50 + seed, data, durability));
            Bytes read(data.size());
            EXPECT_TRUE(on_.read(*device, 50 + seed, read));
            EXPECT_EQ(read, data);
        }
    }
    EXPECT_TRUE(on_.flush(*device));
}

TEST_P(BlockDeviceOfBlockSize, TakesMemoryThatDirectAccessRefuses) {
    const auto device = open_or_fail(config());
    const Bytes data = pattern(kMiB + 1, 3);
    const std::array<base::ConstSegment, 2> from{
        {{data.data() + 1, 1000}, {data.data() + 1001, kMiB - 1000}}};
    EXPECT_TRUE(on_.run(
        [&](base::CommandArena& arena) { return device->write(arena, 8, from, Durability::cached); }));
    Bytes read(kMiB + 3);
    const std::array<base::Segment, 2> into{{{read.data() + 3, 77}, {read.data() + 80, kMiB - 77}}};
    EXPECT_TRUE(on_.run([&](base::CommandArena& arena) { return device->read(arena, 8, into); }));
    EXPECT_TRUE(std::equal(read.begin() + 3, read.end(), data.begin() + 1));
}

TEST_P(BlockDeviceOfBlockSize, GivesSpaceBack) {
    const auto device = open_or_fail(config());
    if (!device->capabilities().unmap) {
        GTEST_SKIP() << "this loop device cannot discard";
    }
    const std::uint64_t granule = device->capabilities().unmap_granularity_blocks;
    const Bytes data = blocks(64 * granule, 4);
    EXPECT_TRUE(on_.write(*device, 0, data));
    EXPECT_TRUE(on_.unmap(*device, 16 * granule, 32 * granule));
    EXPECT_TRUE(on_.flush(*device));
    Bytes expected = data;
    const auto at = [&](std::uint64_t granules) {
        return expected.begin() + static_cast<std::ptrdiff_t>(granules * granule * GetParam());
    };
    std::fill(at(16), at(48), std::byte{0});
    Bytes read(data.size());
    EXPECT_TRUE(on_.read(*device, 0, read));
    EXPECT_EQ(read, expected);
}

TEST_P(BlockDeviceOfBlockSize, WritesZeroes) {
    const auto device = open_or_fail(config());
    for (const bool may_unmap : {false, true}) {
        EXPECT_TRUE(on_.write(*device, 10, blocks(8, 5)));
        EXPECT_TRUE(on_.write_zeroes(*device, 11, 6, may_unmap, Durability::durable));
        Bytes expected = blocks(8, 5);
        std::fill(expected.begin() + GetParam(), expected.end() - GetParam(), std::byte{0});
        Bytes read(expected.size());
        EXPECT_TRUE(on_.read(*device, 10, read));
        EXPECT_EQ(read, expected);
    }
}

TEST_P(BlockDeviceOfBlockSize, IsAwayWhileItIsTooSmall) {
    const auto device = open_or_fail(config());
    const std::uint64_t all = device->geometry().blocks;
    EXPECT_TRUE(on_.write(*device, 0, blocks(1, 6)));
    std::filesystem::resize_file(file_, 4 * kMiB);
    loop_->take_size_of_file();
    EXPECT_EQ(on_.flush(*device), failure(IoError::gone, 0));
    Bytes read(GetParam());
    EXPECT_EQ(on_.read(*device, 0, read), failure(IoError::gone, 0));
    std::filesystem::resize_file(file_, 8 * kMiB);
    loop_->take_size_of_file();
    std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    EXPECT_TRUE(on_.read(*device, 0, read));
    EXPECT_EQ(read, blocks(1, 6));
    std::filesystem::resize_file(file_, 16 * kMiB);
    loop_->take_size_of_file();
    EXPECT_TRUE(on_.refresh(*device));
    EXPECT_EQ(device->geometry().blocks, 2 * all);
}

TEST_P(BlockDeviceOfBlockSize, TellsWhichBlockCannotBeRead) {
    const auto device = open_or_fail(config());
    EXPECT_TRUE(on_.write(*device, 0, blocks(64, 7)));
    // The loop device still has its size, so it answers what its file has lost with EIO.
    std::filesystem::resize_file(file_, 0);
    if (loop_->hides_losses(0)) {
        GTEST_SKIP() << "loop devices of this kernel read zeroes where their file was cut";
    }
    Bytes read(GetParam());
    EXPECT_EQ(on_.read(*device, 33, read), failure(IoError::unreadable, 33));
}

TEST_P(BlockDeviceOfBlockSize, BelongsToOneProgram) {
    const auto device = open_or_fail(config());
    const auto second = open(config());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text, "cannot serve the block device " + loop_->path() +
                                       ": it is in use: mounted, part of a RAID or LVM, or served by another "
                                       "program; release it first");
}

TEST_P(BlockDeviceOfBlockSize, MayBeServedInPart) {
    DeviceConfig part = config();
    part.size_bytes = 2 * kMiB;
    const auto device = open_or_fail(part);
    EXPECT_EQ(device->geometry().blocks, 2 * kMiB / GetParam());
    EXPECT_TRUE(on_.refresh(*device));
    EXPECT_EQ(device->geometry().blocks, 2 * kMiB / GetParam());
}

INSTANTIATE_TEST_SUITE_P(BlockDevice, BlockDeviceOfBlockSize, ::testing::Values(512, 4096),
                         ::testing::PrintToStringParamName());

TEST(BlockDevice, RefusesSmallerBlocksThanItHas) {
    const ScratchDirectory directory;
    const std::string file = directory / "backing";
    std::ofstream(file).close();
    std::filesystem::resize_file(file, kMiB);
    const LoopDevice loop(file, 4096);
    if (!loop) {
        GTEST_SKIP() << loop.why_not();
    }
    const auto opened = open({.handler = Handler::block, .path = loop.path()});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().text, "cannot serve the block device " + loop.path() +
                                       ": its blocks have 4096 bytes; set block_size = 4096");
}

TEST(BlockDevice, SaysThatItHoldsNothing) {
    const ScratchDirectory directory;
    const std::string file = directory / "backing";
    std::ofstream(file).close();
    const LoopDevice loop(file, 512);
    if (!loop) {
        GTEST_SKIP() << loop.why_not();
    }
    const auto opened = open({.handler = Handler::block, .path = loop.path()});
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text.find("it holds nothing"), std::string::npos) << opened.error().text;
}

TEST(BlockDevice, SaysWhatIsWrongWithItsPath) {
    const ScratchDirectory directory;
    const std::string file = directory / "file";
    std::ofstream(file).close();
    const auto regular = open({.handler = Handler::block, .path = file});
    ASSERT_FALSE(regular);
    EXPECT_EQ(regular.error().text, "cannot serve the block device " + file +
                                        ": it is no block device; a file has handler = \"file\"");
    const auto missing = open({.handler = Handler::block, .path = directory / "missing"});
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().text.find("there is no such device"), std::string::npos);
}

TEST(QueueFacts, AreReadFromTheirFiles) {
    const ScratchDirectory directory;
    const auto put = [&](const std::string& name, const std::string& value) {
        std::ofstream(directory / name) << value << "\n";
    };
    put("rotational", "1");
    put("write_cache", "write through");
    put("discard_granularity", "4096");
    put("discard_max_bytes", "2147450880");
    put("write_zeroes_max_bytes", "0");
    put("optimal_io_size", "65536");
    put("max_sectors_kb", "1280");
    put("max_segments", "128");
    EXPECT_EQ(read_queue_facts(directory.path()), (QueueFacts{.rotational = true,
                                                              .volatile_cache = false,
                                                              .discard_granularity_bytes = 4096,
                                                              .discard_max_bytes = 2147450880,
                                                              .write_zeroes_max_bytes = 0,
                                                              .optimal_io_bytes = 65536,
                                                              .longest_request_bytes = 1280 << 10U,
                                                              .segments = 128}));
}

TEST(QueueFacts, SayHowTransfersAreCut) {
    constexpr std::uint64_t kKiB = 1024;
    const auto limits = [](std::uint64_t longest_kib, std::uint64_t segments, std::uint64_t optimal_kib) {
        return plug_limits({.optimal_io_bytes = optimal_kib * kKiB,
                            .longest_request_bytes = longest_kib * kKiB,
                            .segments = segments});
    };
    EXPECT_EQ(plug_limits({}), reactor::PlugLimits{});
    EXPECT_EQ(limits(1280, 128, 0).longest, 512 * kKiB) << "128 pages that lie anywhere";
    EXPECT_EQ(limits(1280, 65535, 0).longest, 1024 * kKiB) << "256 pages are what the kernel puts into one";
    EXPECT_EQ(limits(128, 254, 0).longest, 128 * kKiB);
    EXPECT_EQ(limits(4, 1, 0).longest, 64 * kKiB) << "the kernel cuts it: better than a hundred operations";
    const reactor::PlugLimits raid = limits(1280, 254, 192);
    EXPECT_EQ(raid.boundary, 192 * kKiB);
    EXPECT_EQ(raid.longest, 384 * kKiB) << "two stripes";
    EXPECT_EQ(limits(1280, 254, 4096).boundary, 0U) << "a stripe that is too long for one operation";
    EXPECT_LE(limits(4, 1, 0).merged, limits(4, 1, 0).longest);
}

TEST(QueueFacts, ThatAreMissingAreCautious) {
    const ScratchDirectory directory;
    EXPECT_EQ(read_queue_facts(directory / "none"), QueueFacts{});
    EXPECT_TRUE(QueueFacts{}.volatile_cache);
}

}  // namespace
}  // namespace targe::device
