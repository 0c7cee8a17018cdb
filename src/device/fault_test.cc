// What the host may do to a device, and what the device makes of it.
#include "device/inline_budget.h"
#include "device/io_error.h"
#include "device/off_core.h"
#include "device/testing_device.h"
#include "device/testing_small_file_system.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::SmallFileSystem;
using namespace std::chrono_literals;

TEST(IoErrorOf, KnowsTheErrorsThatStoresGive) {
    EXPECT_EQ(io_error_of(EIO, Attempt::read), IoError::unreadable);
    EXPECT_EQ(io_error_of(EIO, Attempt::write), IoError::unwritable);
    EXPECT_EQ(io_error_of(ENOSPC, Attempt::write), IoError::no_space);
    EXPECT_EQ(io_error_of(EDQUOT, Attempt::write), IoError::no_space);
    EXPECT_EQ(io_error_of(EROFS, Attempt::write), IoError::read_only);
    EXPECT_EQ(io_error_of(EPERM, Attempt::write), IoError::read_only);
    EXPECT_EQ(io_error_of(ENODEV, Attempt::read), IoError::gone);
    EXPECT_EQ(io_error_of(ESTALE, Attempt::write), IoError::gone);
    EXPECT_EQ(io_error_of(ENOMEM, Attempt::read), IoError::no_resources);
    EXPECT_EQ(io_error_of(EINVAL, Attempt::read), IoError::unreadable);
}

TEST(FullStore, TellsTheFirstBlockThatFoundNoSpace) {
    const SmallFileSystem file_system("size=1m");
    if (!file_system) {
        GTEST_SKIP() << file_system.why_not();
    }
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::file,
                                      .path = file_system / "disk.img",
                                      .size_bytes = 64ULL << 20U,
                                      .block_size = 4096});
    const Bytes half = pattern(512 * 1024, 1);
    EXPECT_TRUE(on.write(*device, 1000, half));
    // Of these 256 blocks 128 fit; where exactly it ends is the file system's business.
    const IoResult full = on.write(*device, 2000, pattern(1024 * 1024, 2));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().error, IoError::no_space);
    EXPECT_GT(full.error().lba, 2000U);
    EXPECT_LE(full.error().lba, 2128U);
    // What was written is there, and space that is given back can be used.
    Bytes read(half.size());
    EXPECT_TRUE(on.read(*device, 1000, read));
    EXPECT_EQ(read, half);
    EXPECT_TRUE(on.unmap(*device, 1000, 256));
    EXPECT_TRUE(on.write(*device, 3000, pattern(256 * 1024, 3), Durability::durable));
}

TEST(FullStore, TellsHowFullItIs) {
    const SmallFileSystem file_system("size=4m");
    if (!file_system) {
        GTEST_SKIP() << file_system.why_not();
    }
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::file,
                                      .path = file_system / "disk.img",
                                      .size_bytes = 64ULL << 20U,
                                      .block_size = 4096});
    constexpr std::uint64_t kMiB = 1ULL << 20U;
    ASSERT_TRUE(device->capabilities().fill);
    EXPECT_EQ(on.fill(*device), (Fill{.used_bytes = 0, .available_bytes = 4 * kMiB, .shared = true}));
    EXPECT_TRUE(on.write(*device, 1000, pattern(kMiB, 1)));
    EXPECT_EQ(on.fill(*device), (Fill{.used_bytes = kMiB, .available_bytes = 3 * kMiB, .shared = true}));
    EXPECT_FALSE(device->capabilities().anchor) << "tmpfs does not tell what it has allocated";
    EXPECT_FALSE(on.write_zeroes(*device, 0, 16384, false)) << "four times as much";
    EXPECT_EQ(on.fill(*device)->available_bytes, 0U);
    EXPECT_TRUE(on.unmap(*device, 0, 16384));
    EXPECT_EQ(on.fill(*device)->available_bytes, 4 * kMiB);
}

TEST(FullStore, TellsThatZeroesFoundNoSpace) {
    const SmallFileSystem file_system("size=1m");
    if (!file_system) {
        GTEST_SKIP() << file_system.why_not();
    }
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::file,
                                      .path = file_system / "disk.img",
                                      .size_bytes = 64ULL << 20U,
                                      .block_size = 4096});
    EXPECT_TRUE(on.write_zeroes(*device, 0, 16384, true));
    const IoResult full = on.write_zeroes(*device, 0, 16384, false);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().error, IoError::no_space);
}

TEST(FileInMemory, MovesMoreThanIsMovedInPlace) {
    const SmallFileSystem file_system("size=8m");
    if (!file_system) {
        GTEST_SKIP() << file_system.why_not();
    }
    OnReactor on;
    const auto device = open_or_fail({.handler = Handler::file,
                                      .path = file_system / "disk.img",
                                      .size_bytes = 8ULL << 20U,
                                      .block_size = 4096});
    const Bytes data = pattern(3 * 1024 * 1024, 4);
    EXPECT_TRUE(on.write(*device, 7, data, Durability::durable));
    Bytes read(data.size());
    EXPECT_TRUE(on.read(*device, 7, read));
    EXPECT_EQ(read, data);
    EXPECT_TRUE(on.flush(*device));
}

TEST(OffCore, RunsOnAnotherThreadAndComesBack) {
    OnReactor on;
    std::thread::id there;
    std::thread::id before;
    std::thread::id after;
    const auto check = [&](base::CommandArena& arena) {
        return [](base::CommandArena& a, std::thread::id& t, std::thread::id& b,
                  std::thread::id& c) -> base::Task<int> {
            b = std::this_thread::get_id();
            const int result = co_await run_off_core(a, [&t] { t = std::this_thread::get_id(); });
            c = std::this_thread::get_id();
            co_return result;
        }(arena, there, before, after);
    };
    EXPECT_EQ(on.run(check), 0);
    EXPECT_EQ(before, after);
    EXPECT_NE(there, before);
    EXPECT_NE(there, std::thread::id{});
}

TEST(InlineBudget, PausesAfterASlowCallAndLongerEachTime) {
    InlineBudget budget;
    base::Time now{1h};
    EXPECT_TRUE(budget.allows(now));
    budget.record(now, now + 100us);
    EXPECT_TRUE(budget.allows(now));
    for (const base::Duration pause : {10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1280ms, 2000ms, 2000ms}) {
        budget.record(now, now + 5ms);
        now += 5ms;
        EXPECT_FALSE(budget.allows(now + pause - 1ns));
        EXPECT_TRUE(budget.allows(now + pause));
        now += pause;
    }
    budget.record(now, now + 100us);
    EXPECT_TRUE(budget.allows(now));
    budget.record(now, now + 5ms);
    EXPECT_TRUE(budget.allows(now + 5ms + 10ms));
}

}  // namespace
}  // namespace targe::device
