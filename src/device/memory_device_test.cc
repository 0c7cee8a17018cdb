// The null device and the RAM disk.
#include "device/open.h"
#include "device/testing_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;

constexpr std::uint64_t kMiB = 1ULL << 20U;

TEST(NullDevice, ReadsZeroesWhateverIsWritten) {
    OnReactor on;
    const auto device =
        open_or_fail({.handler = Handler::null, .size_bytes = 1ULL << 60U, .block_size = 4096});
    EXPECT_EQ(device->geometry().blocks, 1ULL << 48U);
    EXPECT_TRUE(on.write(*device, 5, pattern(8192, 1)));
    Bytes read(8192, std::byte{0xee});
    EXPECT_TRUE(on.read(*device, 5, read));
    EXPECT_EQ(read, Bytes(8192));
}

TEST(NullDevice, LendsZeroesUpToItsLimit) {
    const auto device = open_or_fail({.handler = Handler::null, .size_bytes = 1ULL << 40U});
    const auto lent = device->lend(1ULL << 30U, 32768);
    ASSERT_TRUE(lent);
    ASSERT_EQ(lent->size, 16 * kMiB);
    EXPECT_TRUE(
        std::all_of(lent->data, lent->data + lent->size, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_FALSE(device->lend(0, 32769));
}

TEST(RamDevice, ReadsAndLendsWhatWasWritten) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    const Bytes data = pattern(1536, 2);
    EXPECT_TRUE(on.write(*device, 7, data));
    Bytes read(1536);
    EXPECT_TRUE(on.read(*device, 7, read));
    EXPECT_EQ(read, data);
    const auto lent = device->lend(7, 3);
    ASSERT_TRUE(lent);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), lent->data, lent->data + lent->size));
}

TEST(RamDevice, ReadsWhatWasWrittenPastTheCaches) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = 128 * kMiB});
    for (const auto& [lba, size] :
         {std::pair{1U, std::size_t{512}}, {1000U, std::size_t{4096}}, {200'000U, std::size_t{256} << 10U}}) {
        const Bytes data = pattern(size, lba);
        // In one piece and, as data come from a network, in pieces of any length.
        EXPECT_TRUE(on.write(*device, lba, data));
        Bytes read(size);
        EXPECT_TRUE(on.read(*device, lba, read));
        EXPECT_EQ(read, data);
        const std::array<base::ConstSegment, 2> from{{{data.data(), 101}, {data.data() + 101, size - 101}}};
        EXPECT_TRUE(on.run([&](base::CommandArena& arena) {
            return device->write(arena, lba + 4, from, Durability::cached);
        }));
        EXPECT_TRUE(on.read(*device, lba + 4, read));
        EXPECT_EQ(read, data);
    }
}

TEST(RamDevice, GathersAndScattersSegments) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    Bytes data = pattern(1024, 3);
    const std::array<base::ConstSegment, 2> from{{{data.data(), 100}, {data.data() + 100, 924}}};
    EXPECT_TRUE(
        on.run([&](base::CommandArena& arena) { return device->write(arena, 1, from, Durability::cached); }));
    Bytes read(1024);
    const std::array<base::Segment, 2> into{{{read.data(), 700}, {read.data() + 700, 324}}};
    EXPECT_TRUE(on.run([&](base::CommandArena& arena) { return device->read(arena, 1, into); }));
    EXPECT_EQ(read, data);
}

TEST(RamDevice, TellsWrittenPagesFromOthers) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    EXPECT_EQ(on.block_status(*device, 0, 2048), (Extent{.lba = 0, .blocks = 2048, .mapped = false}));
    EXPECT_TRUE(on.write(*device, 17, pattern(512, 4)));
    EXPECT_EQ(on.block_status(*device, 3, 2045), (Extent{.lba = 3, .blocks = 13, .mapped = false}));
    EXPECT_EQ(on.block_status(*device, 16, 100), (Extent{.lba = 16, .blocks = 8, .mapped = true}));
    EXPECT_EQ(on.block_status(*device, 18, 2), (Extent{.lba = 18, .blocks = 2, .mapped = true}));
    EXPECT_EQ(on.block_status(*device, 24, 2024), (Extent{.lba = 24, .blocks = 2024, .mapped = false}));
}

TEST(RamDevice, GivesBackWholePagesAndClearsTheRestOfWhatIsUnmapped) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    EXPECT_EQ(device->capabilities().unmap_granularity_blocks, 8U);
    const Bytes data = pattern(16384, 5);
    EXPECT_TRUE(on.write(*device, 0, data));
    EXPECT_TRUE(on.unmap(*device, 1, 30));  // pages 1 and 2 are whole
    Bytes expected = data;
    std::fill(expected.begin() + 512, expected.begin() + 31 * 512, std::byte{0});
    Bytes read(16384);
    EXPECT_TRUE(on.read(*device, 0, read));
    EXPECT_EQ(read, expected);
    EXPECT_EQ(on.block_status(*device, 8, 2040), (Extent{.lba = 8, .blocks = 16, .mapped = false}));
}

TEST(RamDevice, TellsHowFullItIs) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    EXPECT_EQ(on.fill(*device), (Fill{.used_bytes = 0, .available_bytes = kMiB, .shared = false}));
    EXPECT_TRUE(on.write(*device, 7, pattern(1024, 2)));
    EXPECT_EQ(on.fill(*device), (Fill{.used_bytes = 8192, .available_bytes = kMiB - 8192, .shared = false}))
        << "of both pages";
    EXPECT_TRUE(on.unmap(*device, 0, 2048));
    EXPECT_EQ(on.fill(*device)->used_bytes, 0U);
}

TEST(RamDevice, WritesZeroesToTheBlock) {
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::ram, .size_bytes = kMiB});
    for (const bool may_unmap : {false, true}) {
        const Bytes data = pattern(16384, 6);
        EXPECT_TRUE(on.write(*device, 0, data));
        EXPECT_TRUE(on.write_zeroes(*device, 1, 30, may_unmap));
        Bytes expected = data;
        std::fill(expected.begin() + 512, expected.end() - 512, std::byte{0});
        Bytes read(16384);
        EXPECT_TRUE(on.read(*device, 0, read));
        EXPECT_EQ(read, expected);
        EXPECT_EQ(on.block_status(*device, 8, 1)->mapped, !may_unmap);
    }
}

TEST(Open, RefusesWhatMakesNoSense) {
    const auto text = [](const DeviceConfig& config) {
        const auto opened = open(config);
        return opened ? std::string("opened") : opened.error().text;
    };
    EXPECT_EQ(text({.handler = Handler::ram}),
              "size is missing; a null or ram device has no other way to know it");
    EXPECT_EQ(text({.handler = Handler::file, .size_bytes = 512}),
              "path is missing; it names the file or block device to serve");
    EXPECT_EQ(text({.handler = Handler::ram, .size_bytes = 512, .block_size = 520}),
              "block_size is 520; it can be 512, 1024, 2048 or 4096");
    EXPECT_EQ(text({.handler = Handler::ram, .size_bytes = 1000}),
              "size is 1000 bytes, which is no multiple of block_size 512");
}

}  // namespace
}  // namespace targe::device
