#include "device/file_device.h"

#include "device/testing_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;

constexpr std::uint64_t kMiB = 1ULL << 20U;

/// Long enough for the device to look at its file again.
void wait_for_a_look() {
    std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
}

DeviceConfig config_of(const std::string& path, bool direct = false) {
    return {
        .handler = Handler::file, .path = path, .size_bytes = 8 * kMiB, .block_size = 4096, .direct = direct};
}

class FileDeviceBothWays : public ::testing::TestWithParam<bool> {
protected:
    [[nodiscard]] std::unique_ptr<Device> make() const { return open_or_fail(config_of(path_, GetParam())); }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "disk.img";
    OnReactor on_;
};

TEST_P(FileDeviceBothWays, IsMadeSparse) {
    const auto device = make();
    EXPECT_EQ(device->geometry().blocks, 2048U);
    struct stat about{};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_size, 8 << 20);
    EXPECT_EQ(about.st_blocks, 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_EQ(on_.block_status(*device, 0, 2048), (Extent{.lba = 0, .blocks = 2048, .mapped = false}));
}

TEST_P(FileDeviceBothWays, ReadsWhatWasWrittenInAnySize) {
    const auto device = make();
    unsigned seed = 0;
    for (const std::size_t blocks : {1U, 3U, 64U, 700U}) {
        for (const Durability durability : {Durability::cached, Durability::durable}) {
            const Bytes data = pattern(blocks * 4096, ++seed);
            EXPECT_TRUE(on_.write(*device, 100 + seed, data, durability));
            Bytes read(data.size());
            EXPECT_TRUE(on_.read(*device, 100 + seed, read));
            EXPECT_EQ(read, data) << blocks;
        }
    }
    EXPECT_TRUE(on_.flush(*device));
}

/// That somebody has read it is nothing to write to the disk, and to wait for.
TEST_P(FileDeviceBothWays, IsReadWithoutATrace) {
    const auto device = make();
    EXPECT_TRUE(on_.write(*device, 7, pattern(4096, 1), Durability::durable));
    const std::array<timespec, 2> read_before_written{timespec{.tv_sec = 1'000'000, .tv_nsec = 0},
                                                      timespec{.tv_sec = 2'000'000, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), read_before_written.data(), 0), 0);
    Bytes read(4096);
    EXPECT_TRUE(on_.read(*device, 7, read));
    EXPECT_EQ(read, pattern(4096, 1));
    struct stat about{};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_atim.tv_sec, 1'000'000);
}

TEST_P(FileDeviceBothWays, TakesSegmentsOfAnyShape) {
    const auto device = make();
    const Bytes data = pattern(kMiB, 7);
    std::vector<base::ConstSegment> from;
    Bytes read(data.size());
    std::vector<base::Segment> into;
    for (std::size_t at = 0; at < data.size();) {
        const std::size_t size = std::min<std::size_t>(data.size() - at, 1 + at % 777);
        from.push_back({data.data() + at, size});
        into.push_back({read.data() + at, size});
        at += size;
    }
    ASSERT_GT(from.size(), 1024U);  // more than one call takes
    EXPECT_TRUE(on_.run(
        [&](base::CommandArena& arena) { return device->write(arena, 3, from, Durability::cached); }));
    EXPECT_TRUE(on_.run([&](base::CommandArena& arena) { return device->read(arena, 3, into); }));
    EXPECT_EQ(read, data);
}

TEST_P(FileDeviceBothWays, UnmapsByMakingHoles) {
    const auto device = make();
    ASSERT_TRUE(device->capabilities().unmap);
    const Bytes data = pattern(64 * 4096, 8);
    EXPECT_TRUE(on_.write(*device, 0, data));
    EXPECT_TRUE(on_.unmap(*device, 16, 16));
    EXPECT_TRUE(on_.flush(*device));
    EXPECT_EQ(on_.block_status(*device, 0, 64), (Extent{.lba = 0, .blocks = 16, .mapped = true}));
    EXPECT_EQ(on_.block_status(*device, 16, 48), (Extent{.lba = 16, .blocks = 16, .mapped = false}));
    EXPECT_EQ(on_.block_status(*device, 40, 8), (Extent{.lba = 40, .blocks = 8, .mapped = true}));
    Bytes expected = data;
    std::fill(expected.begin() + 16 * 4096, expected.begin() + 32 * 4096, std::byte{0});
    Bytes read(data.size());
    EXPECT_TRUE(on_.read(*device, 0, read));
    EXPECT_EQ(read, expected);
}

TEST(FileDevice, BlocksOfAPartlyUnmappedGranuleReadAsZeroes) {
    const ScratchDirectory directory;
    OnReactor on;
    DeviceConfig config = config_of(directory / "disk.img");
    config.block_size = 512;
    const auto device = open_or_fail(config);
    ASSERT_TRUE(device->capabilities().unmapped_reads_zero);
    const Bytes data = pattern(64 * 512, 9);
    EXPECT_TRUE(on.write(*device, 0, data));
    EXPECT_TRUE(on.unmap(*device, 3, 30));
    Bytes expected = data;
    std::fill(expected.begin() + 3 * 512, expected.begin() + 33 * 512, std::byte{0});
    Bytes read(data.size());
    EXPECT_TRUE(on.read(*device, 0, read));
    EXPECT_EQ(read, expected);
}

TEST_P(FileDeviceBothWays, AnchorsBlocksBeforeTheyAreWritten) {
    const auto device = make();
    if (!device->capabilities().anchor) {
        GTEST_SKIP() << "the file system of " << directory_.path() << " cannot allocate without writing";
    }
    const Bytes data = pattern(64 * 4096, 20);
    EXPECT_TRUE(on_.write(*device, 0, data, Durability::durable));
    EXPECT_TRUE(on_.anchor(*device, 16, 32));
    EXPECT_EQ(on_.block_status(*device, 16, 2000),
              (Extent{.lba = 16, .blocks = 32, .mapped = false, .anchored = true}));
    EXPECT_EQ(on_.block_status(*device, 64, 100), (Extent{.lba = 64, .blocks = 100, .mapped = false}));
    Bytes expected = data;
    std::fill(expected.begin() + 16 * 4096, expected.begin() + 48 * 4096, std::byte{0});
    Bytes read(data.size());
    EXPECT_TRUE(on_.read(*device, 0, read));
    EXPECT_EQ(read, expected);
    const auto before = on_.fill(*device);
    EXPECT_TRUE(on_.write(*device, 16, pattern(8 * 4096, 21), Durability::durable));
    EXPECT_EQ(on_.block_status(*device, 16, 8).value().mapped, true);
    EXPECT_EQ(on_.fill(*device)->used_bytes, before->used_bytes) << "the space was its own already";
    EXPECT_TRUE(on_.unmap(*device, 16, 32));
    EXPECT_EQ(on_.block_status(*device, 16, 32), (Extent{.lba = 16, .blocks = 32, .mapped = false}));
    EXPECT_EQ(on_.fill(*device)->used_bytes, before->used_bytes - 32 * 4096U);
}

TEST_P(FileDeviceBothWays, WritesZeroes) {
    const auto device = make();
    for (const bool may_unmap : {false, true}) {
        const Bytes data = pattern(8 * 4096, 9);
        EXPECT_TRUE(on_.write(*device, 8, data));
        EXPECT_TRUE(on_.write_zeroes(*device, 9, 6, may_unmap, Durability::durable));
        Bytes expected = data;
        std::fill(expected.begin() + 4096, expected.end() - 4096, std::byte{0});
        Bytes read(data.size());
        EXPECT_TRUE(on_.read(*device, 8, read));
        EXPECT_EQ(read, expected);
    }
}

TEST_P(FileDeviceBothWays, InventsNothingWhereTheFileWasCut) {
    const auto device = make();
    EXPECT_TRUE(on_.write(*device, 0, pattern(2048 * 4096, 10)));
    std::filesystem::resize_file(path_, 1000 * 4096);
    Bytes read(16 * 4096);
    EXPECT_EQ(on_.read(*device, 990, read), failure(IoError::gone, 1000));
    // The device has noticed: nothing is written past the end, where it would leave a hole behind.
    EXPECT_EQ(on_.write(*device, 2000, pattern(4096, 11)), failure(IoError::gone, 2000));
    EXPECT_EQ(std::filesystem::file_size(path_), 1000U * 4096);
    EXPECT_TRUE(on_.refresh(*device));
    EXPECT_EQ(device->geometry().blocks, 1000U);
    EXPECT_TRUE(on_.read(*device, 984, read));
}

TEST_P(FileDeviceBothWays, HealsWhenADeletedFileComesBack) {
    const auto device = make();
    const Bytes data = pattern(4096, 12);
    EXPECT_TRUE(on_.write(*device, 5, data, Durability::durable));
    std::filesystem::copy_file(path_, directory_ / "copy");
    std::filesystem::remove(path_);
    EXPECT_FALSE(device->away());
    EXPECT_EQ(on_.write(*device, 6, data, Durability::durable), failure(IoError::gone, 6));
    EXPECT_TRUE(device->away());
    Bytes read(4096);
    EXPECT_EQ(on_.read(*device, 5, read), failure(IoError::gone, 5));
    EXPECT_EQ(on_.flush(*device), failure(IoError::gone, 0));
    EXPECT_EQ(on_.refresh(*device), failure(IoError::gone, 0));
    std::filesystem::rename(directory_ / "copy", path_);
    wait_for_a_look();
    EXPECT_TRUE(on_.read(*device, 5, read));
    EXPECT_FALSE(device->away());
    EXPECT_EQ(read, data);
    EXPECT_TRUE(on_.write(*device, 6, data, Durability::durable));
}

TEST_P(FileDeviceBothWays, SaysWhetherTheFileIsThere) {
    const auto device = make();
    EXPECT_TRUE(on_.probe(*device));
    std::filesystem::rename(path_, directory_ / "elsewhere");
    std::filesystem::copy_file(directory_ / "elsewhere", directory_ / "copy");
    std::filesystem::remove(directory_ / "elsewhere");
    wait_for_a_look();
    EXPECT_EQ(on_.probe(*device), failure(IoError::gone, 0));
    std::filesystem::rename(directory_ / "copy", path_);
    wait_for_a_look();
    EXPECT_TRUE(on_.probe(*device)) << "and looks for it";
}

TEST_P(FileDeviceBothWays, NoticesADeletedFileWithinALook) {
    const auto device = make();
    Bytes read(4096);
    EXPECT_TRUE(on_.read(*device, 0, read));
    std::filesystem::remove(path_);
    wait_for_a_look();
    EXPECT_EQ(on_.read(*device, 0, read), failure(IoError::gone, 0));
}

TEST_P(FileDeviceBothWays, DoesNotTakeBackASmallerFileByItself) {
    const auto device = make();
    std::filesystem::resize_file(path_, 100 * 4096);
    EXPECT_EQ(on_.flush(*device), failure(IoError::gone, 0));
    wait_for_a_look();
    Bytes read(4096);
    EXPECT_EQ(on_.read(*device, 0, read), failure(IoError::gone, 0));
    EXPECT_TRUE(on_.refresh(*device));
    EXPECT_EQ(device->geometry().blocks, 100U);
    EXPECT_TRUE(on_.read(*device, 0, read));
}

TEST_P(FileDeviceBothWays, GrowsWhenLookedAtAgain) {
    const auto device = make();
    std::filesystem::resize_file(path_, 16 * kMiB);
    EXPECT_EQ(device->geometry().blocks, 2048U);
    EXPECT_TRUE(on_.refresh(*device));
    EXPECT_EQ(device->geometry().blocks, 4096U);
    EXPECT_TRUE(on_.write(*device, 4095, pattern(4096, 13)));
}

TEST_P(FileDeviceBothWays, IsServedOnce) {
    const auto device = make();
    const auto second = open(config_of(path_, GetParam()));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text, "cannot serve the file " + path_ +
                                       ": another program, or another device here, serves it already; "
                                       "stop that one first");
}

TEST_P(FileDeviceBothWays, MayBeReadOnly) {
    {
        const auto device = make();
        EXPECT_TRUE(on_.write(*device, 1, pattern(4096, 14)));
    }
    DeviceConfig config = config_of(path_, GetParam());
    config.read_only = true;
    const auto device = open_or_fail(config);
    EXPECT_TRUE(device->capabilities().read_only);
    EXPECT_FALSE(device->capabilities().unmap);
    EXPECT_EQ(on_.unmap(*device, 1, 1), failure(IoError::read_only, 1));
    EXPECT_EQ(on_.write(*device, 1, pattern(4096, 15)), failure(IoError::read_only, 1));
    EXPECT_EQ(on_.write_zeroes(*device, 1, 1, true), failure(IoError::read_only, 1));
    Bytes read(4096);
    EXPECT_TRUE(on_.read(*device, 1, read));
    EXPECT_EQ(read, pattern(4096, 14));
    EXPECT_TRUE(on_.flush(*device));
}

INSTANTIATE_TEST_SUITE_P(FileDevice, FileDeviceBothWays, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "Direct" : "Cached"; });

TEST(FileDevice, IsGrownButNeverCut) {
    const ScratchDirectory directory;
    const std::string path = directory / "disk.img";
    DeviceConfig config = config_of(path);
    open_or_fail(config);
    config.size_bytes = 16 * kMiB;
    EXPECT_EQ(open_or_fail(config)->geometry().blocks, 4096U);
    // As after `targe device refresh` and a restart.
    config.size_bytes = 4 * kMiB;
    EXPECT_EQ(open_or_fail(config)->geometry().blocks, 4096U);
    config.size_bytes = 0;
    EXPECT_EQ(open_or_fail(config)->geometry().blocks, 4096U);
    EXPECT_EQ(std::filesystem::file_size(path), 16 * kMiB);
}

std::string outcome(const DeviceConfig& config) {
    const auto opened = open(config);
    return opened ? std::string("opened") : opened.error().text;
}

TEST(FileDevice, SaysWhatIsWrongWithItsPath) {
    const ScratchDirectory directory;
    const std::string missing = directory / "no/disk.img";
    EXPECT_EQ(outcome(config_of(missing)),
              "cannot serve the file " + missing + ": its directory does not exist; create it");
    DeviceConfig without_size = config_of(directory / "disk.img");
    without_size.size_bytes = 0;
    EXPECT_EQ(outcome(without_size),
              "cannot serve the file " + without_size.path +
                  ": it does not exist; create it, or let the device create it by giving a size");
    EXPECT_EQ(
        outcome({.handler = Handler::file, .path = "/dev/null"}),
        "cannot serve the file /dev/null: it is no regular file; a block device has handler = \"block\"");
}

TEST(FileDevice, SaysWhatToRaiseWhereTooManyFilesAreOpen) {
#if __has_feature(address_sanitizer)
    GTEST_SKIP() << "the sanitizers look at memory by descriptors of their own";
#endif
    const ScratchDirectory directory;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const std::string refused = outcome(config_of(directory / "disk.img"));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_NE(refused.find("too many open files; raise LimitNOFILE of the service (ulimit -Hn)"),
              std::string::npos)
        << refused;
}

}  // namespace
}  // namespace targe::device
