// Files that somebody serves over a network.
#include "device/disc_drive.h"
#include "device/stored_device.h"
#include "device/testing_device.h"
#include "device/testing_served_file.h"
#include "device/testing_xfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ServedFile;
using namespace std::chrono_literals;

constexpr std::size_t kSize = 1U << 20U;
constexpr std::size_t kBlock = 4096;

class Served : public ::testing::Test {
protected:
    void SetUp() override {
        if (!file_) {
            GTEST_SKIP() << file_.why_not();
        }
        device_ = open_or_fail({.handler = Handler::file, .path = file_.path(), .block_size = kBlock});
    }
    static void wait_for_a_look() { std::this_thread::sleep_for(StoredDevice::kLookInterval + 50ms); }
    std::optional<Bytes> block(std::uint64_t lba) {
        Bytes read(kBlock);
        return on_.read(*device_, lba, read) ? std::optional{read} : std::nullopt;
    }
    static std::optional<Bytes> block_of(const Bytes& content, std::size_t lba) {
        const auto from = content.begin() + static_cast<std::ptrdiff_t>(lba * kBlock);
        return Bytes(from, from + kBlock);
    }

    Bytes first_ = pattern(kSize, 1);
    ServedFile file_{first_};
    OnReactor on_;
    std::unique_ptr<Device> device_;
};

TEST_F(Served, IsReadAndWritten) {
    EXPECT_EQ(block(7), block_of(first_, 7));
    EXPECT_TRUE(on_.write(*device_, 9, pattern(kBlock, 3), Durability::durable));
    EXPECT_EQ(block(9), pattern(kBlock, 3));
}

TEST_F(Served, ThatIsStaleComesBackAsWhatHasItsNameNow) {
    EXPECT_EQ(block(7), block_of(first_, 7));
    const Bytes second = pattern(kSize, 2);
    file_.replace(second);
    wait_for_a_look();
    EXPECT_EQ(block(8), std::nullopt);
    EXPECT_TRUE(device_->away());
    wait_for_a_look();
    EXPECT_EQ(block(8), block_of(second, 8));
    EXPECT_EQ(block(7), block_of(second, 7)) << "and nothing of the old one";
}

TEST_F(Served, ThatIsStaleComesBackWhenAnAdministratorLooks) {
    const Bytes second = pattern(2 * kSize, 2);
    file_.replace(second);
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_EQ(device_->geometry().blocks, second.size() / kBlock);
    EXPECT_EQ(block(300), block_of(second, 300));
}

/// Whether others are served while somebody waits for the server, until it goes on.
template <class Operation>
bool lets_others_go_on(ServedFile& file, OnReactor& on, std::uint32_t hangs, Operation operation) {
    const testing::ScratchDirectory directory;
    const auto disk = open_or_fail({.handler = Handler::file,
                                    .path = directory / "disk.img",
                                    .size_bytes = kSize,
                                    .block_size = kBlock});
    file.hang(hangs);
    bool others = false;
    std::thread server([&] {
        while (file.waiting() == 0) {
            std::this_thread::sleep_for(1ms);
        }
        auto served = std::async(std::launch::async,
                                 [&] { return on.write(*disk, 5, pattern(kBlock, 5)) && on.flush(*disk); });
        others = served.wait_for(20s) == std::future_status::ready;
        file.go_on();
        EXPECT_TRUE(served.get());
    });
    operation();
    server.join();
    return others;
}

TEST_F(Served, KeepsNobodyWaitingButWhoAsksForHoles) {
    EXPECT_TRUE(lets_others_go_on(file_, on_, FUSE_LSEEK, [this] {
        EXPECT_EQ(on_.block_status(*device_, 3, 5), (Extent{.lba = 3, .blocks = 5, .mapped = true}));
    }));
}

TEST_F(Served, KeepsNobodyWaitingButWhoWrites) {
    const Bytes data = pattern(kBlock, 4);
    EXPECT_TRUE(
        lets_others_go_on(file_, on_, FUSE_WRITE, [&] { EXPECT_TRUE(on_.write(*device_, 3, data)); }));
    EXPECT_EQ(block(3), data);
    EXPECT_FALSE(on_.ask([&] {
        return device_->write_at_once(3, {data.data(), data.size()}, Durability::cached).has_value();
    }));
}

/// The disk of an XFS hangs, and what is written needs something from it: the XFS says that it would wait.
TEST(ServedDisk, OfAnXfsKeepsNobodyWaitingButWhoWrites) {
    const testing::ScratchDirectory directory;
    const std::string image = directory / "xfs.img";
    if (!testing::make_xfs(image)) {
        GTEST_SKIP() << "mkfs.xfs makes no file system here";
    }
    Bytes content(std::filesystem::file_size(image));
    std::ifstream(image, std::ios::binary)
        .read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(content.size()));
    ServedFile disk(std::move(content));
    const testing::Xfs xfs(disk.path());
    if (!disk || !xfs) {
        GTEST_SKIP() << "no XFS can be mounted from a file that the test serves: " << disk.why_not();
    }
    const auto device = open_or_fail(
        {.handler = Handler::file, .path = xfs / "disk.img", .size_bytes = kSize, .block_size = 512});
    OnReactor on;
    const Bytes whole = pattern(kSize, 1);
    ASSERT_TRUE(on.write(*device, 0, whole));
    ASSERT_TRUE(on.flush(*device));
    for (const std::string& path : {xfs / "disk.img", disk.path()}) {
        const reactor::FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
        ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    }
    const Bytes part = pattern(512, 2);
    EXPECT_TRUE(lets_others_go_on(disk, on, FUSE_READ, [&] {
        EXPECT_TRUE(on.ask([&] {
            const base::ConstSegment from{part.data(), part.size()};
            return !device->write_at_once(1001, from, Durability::cached);
        }));
        EXPECT_TRUE(on.write(*device, 1001, part));
    }));
    Bytes read(kSize);
    ASSERT_TRUE(on.read(*device, 0, read));
    Bytes expected = whole;
    std::ranges::copy(part, expected.begin() + std::ptrdiff_t{1001} * 512);
    EXPECT_EQ(read, expected);
}

/// Threads of io_uring write each regular file one write after another, and Linux 6.1 tells files apart there
/// by few bits: while one is held, so is every 64th other. (On 6.18 this was not seen.)
TEST_F(Served, HoldsUpNoOtherFileThatIsWritten) {
    const testing::ScratchDirectory directory;
    const auto write_many = [&] {
        for (int i = 0; i < 200; ++i) {
            const auto disk = open_or_fail({.handler = Handler::file,
                                            .path = directory / ("disk" + std::to_string(i)),
                                            .size_bytes = kBlock,
                                            .block_size = kBlock});
            auto written = std::async(std::launch::async, [&] {
                return on_.write(*disk, 0, pattern(kBlock, 5), Durability::durable).has_value();
            });
            if (written.wait_for(120s) != std::future_status::ready) {
                file_.go_on();
                return i;  // after so many
            }
            EXPECT_TRUE(written.get());
        }
        return -1;
    };
    const auto meanwhile = [&](std::uint32_t hangs, auto operation) {
        file_.hang(hangs);
        auto held = std::async(std::launch::async, operation);
        while (file_.waiting() == 0 && held.wait_for(1ms) != std::future_status::ready) {
        }
        ASSERT_GT(file_.waiting(), 0U) << "nobody asks for operation " << hangs << " of FUSE";
        EXPECT_EQ(write_many(), -1) << "while operation " << hangs << " of FUSE hangs";
        file_.go_on();
        EXPECT_TRUE(held.get());
    };
    const Bytes data = pattern(kBlock, 4);
    meanwhile(FUSE_WRITE, [&] { return on_.write(*device_, 3, data); });
    meanwhile(FUSE_WRITE, [&] { return on_.write_zeroes(*device_, 3, 1, false); });
    meanwhile(FUSE_FSYNC, [&] { return on_.flush(*device_); });
}

TEST_F(Served, KeepsNobodyWaitingButWhoReads) {
    constexpr std::size_t kReads = 64;
    std::vector<Bytes> read(kReads, Bytes(kBlock));
    EXPECT_TRUE(lets_others_go_on(file_, on_, FUSE_READ, [&] {
        std::vector<base::Segment> into;
        for (Bytes& each : read) {
            into.push_back({each.data(), each.size()});
        }
        const auto results = on_.run_together(kReads, [&](base::CommandArena& arena, std::size_t i) {
            return device_->read(arena, 2 * i, {&into[i], 1});
        });
        EXPECT_TRUE(std::ranges::all_of(results, [](const IoResult& each) { return each.has_value(); }));
    }));
    for (std::size_t i = 0; i < kReads; ++i) {
        EXPECT_EQ(read[i], block_of(first_, 2 * i));
    }
}

/// Each of many files is looked at by one at a time.
TEST_F(Served, KeepsNobodyWaitingButWhoLooksAtIt) {
    constexpr std::size_t kFiles = 40;
    std::vector<std::unique_ptr<Device>> devices;
    device_.reset();
    for (std::size_t i = 0; i < kFiles; ++i) {
        devices.push_back(open_or_fail(
            {.handler = Handler::file, .path = file_.path(), .block_size = kBlock, .read_only = true}));
    }
    EXPECT_TRUE(lets_others_go_on(file_, on_, FUSE_GETATTR, [&] {
        const auto results = on_.run_together(
            kFiles, [&](base::CommandArena& arena, std::size_t i) { return devices[i]->probe(arena); });
        EXPECT_TRUE(std::ranges::all_of(results, [](const IoResult& each) { return each.has_value(); }));
    }));
}

/// To close a file is to ask its server, too.
TEST_F(Served, KeepsNobodyWaitingWhenItLeavesItsDrive) {
    device_.reset();
    auto disc = open_disc(file_.path());
    ASSERT_TRUE(disc) << disc.error().text;
    DiscDrive drive{std::move(*disc)};
    EXPECT_TRUE(lets_others_go_on(file_, on_, FUSE_FLUSH, [&] {
        EXPECT_TRUE(on_.ask([&] {
            drive.exchange(nullptr);
            return drive.geometry().blocks == 0;
        }));
    }));
}

}  // namespace
}  // namespace targe::device
