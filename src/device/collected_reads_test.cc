// Small reads of the page cache: those of one turn share a call, one that is alone has its own at once.
#include "device/testing_device.h"
#include "reactor/file_descriptor.h"
#include "reactor/plug.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kBlocks = 256;

class CollectedReads : public ::testing::Test {
protected:
    void SetUp() override {
        struct statfs about{};
        ASSERT_EQ(::statfs(directory_.path().c_str(), &about), 0);
        if (about.f_type == TMPFS_MAGIC) {
            GTEST_SKIP() << directory_.path() << " is memory: nothing there is ever away";
        }
        DeviceConfig config{.handler = Handler::file, .path = path_, .block_size = kBlock};
        config.size_bytes = kBlocks * kBlock;
        device_ = open_or_fail(config);
        ASSERT_TRUE(on_.write(*device_, 0, content_));
    }
    /// All in one turn.
    std::vector<IoResult> read(const std::vector<std::uint64_t>& at) {
        into_.assign(at.size(), Bytes(kBlock));
        return on_.run_together(
            at.size(), [&](base::CommandArena& arena, std::size_t i) { return one(arena, at[i], into_[i]); });
    }
    base::Task<IoResult> one(base::CommandArena& arena, std::uint64_t lba, Bytes& into) {
        const base::Segment segment{.data = into.data(), .size = into.size()};
        if (const auto done = device_->read_at_once(lba, segment)) {
            co_return *done;
        }
        co_return co_await device_->read(arena, lba, {&segment, 1});
    }
    [[nodiscard]] bool holds(std::size_t i, std::uint64_t lba) const {
        const auto from = content_.begin() + static_cast<std::ptrdiff_t>(lba * kBlock);
        return std::equal(into_[i].begin(), into_[i].end(), from);
    }
    reactor::PlugStats plugged() {
        return on_.ask([] { return reactor::Reactor::current()->plug().stats(); });
    }
    /// Whether this file system reads without waiting, when asked to.
    [[nodiscard]] bool waits_for_nothing() const {
        const reactor::FileDescriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
        Bytes block(kBlock);
        const iovec piece{.iov_base = block.data(), .iov_len = block.size()};
        return ::preadv2(file.get(), &piece, 1, 0, RWF_NOWAIT) == static_cast<ssize_t>(kBlock);
    }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "file";
    Bytes content_ = pattern(kBlocks * kBlock, 1);
    OnReactor on_;
    std::unique_ptr<Device> device_;
    std::vector<Bytes> into_;
};

std::vector<std::uint64_t> every_other(std::size_t count) {
    std::vector<std::uint64_t> at(count);
    std::generate(at.begin(), at.end(), [n = std::uint64_t{0}]() mutable { return 2 * n++; });
    return at;
}

TEST_F(CollectedReads, ShareACall) {
    const std::vector<std::uint64_t> at = every_other(32);
    EXPECT_EQ(read(at), std::vector<IoResult>(32));
    const reactor::PlugStats before = plugged();
    EXPECT_EQ(read(at), std::vector<IoResult>(32));
    EXPECT_EQ(plugged().transfers - before.transfers, 32U) << "others came behind the first of the last turn";
    for (std::size_t i = 0; i < at.size(); ++i) {
        EXPECT_TRUE(holds(i, at[i])) << at[i];
    }
}

TEST_F(CollectedReads, OfNeighboursAreOneOperation) {
    std::vector<std::uint64_t> at(16);
    std::iota(at.begin(), at.end(), 100);
    EXPECT_EQ(read(at), std::vector<IoResult>(16));
    const reactor::PlugStats before = plugged();
    EXPECT_EQ(read(at), std::vector<IoResult>(16));
    EXPECT_EQ(plugged().operations - before.operations, 1U);
    for (std::size_t i = 0; i < at.size(); ++i) {
        EXPECT_TRUE(holds(i, at[i])) << at[i];
    }
}

TEST_F(CollectedReads, OneAloneIsReadAtOnce) {
    if (!waits_for_nothing()) {
        GTEST_SKIP() << "this file system may wait in any call";
    }
    EXPECT_EQ(read(every_other(8)), std::vector<IoResult>(8));
    EXPECT_EQ(read({5}), std::vector<IoResult>(1));  // might have had company, as the one before
    const reactor::PlugStats before = plugged();
    for (std::uint64_t lba = 0; lba < 20; ++lba) {
        EXPECT_EQ(read({lba}), std::vector<IoResult>(1));
        EXPECT_TRUE(holds(0, lba));
    }
    EXPECT_EQ(plugged().transfers, before.transfers);
}

TEST_F(CollectedReads, WaitForWhatIsNotInMemory) {
    const reactor::FileDescriptor file{::open(path_.c_str(), O_RDWR | O_CLOEXEC)};
    for (int round = 0; round < 5; ++round) {
        ASSERT_EQ(::fdatasync(file.get()), 0);
        ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
        const std::vector<std::uint64_t> at = every_other(kBlocks / 2);
        EXPECT_EQ(read(at), std::vector<IoResult>(at.size()));
        for (std::size_t i = 0; i < at.size(); ++i) {
            EXPECT_TRUE(holds(i, at[i])) << at[i];
        }
    }
}

TEST_F(CollectedReads, FailOnlyWhereTheFileEnds) {
    std::filesystem::resize_file(path_, 100 * kBlock);
    std::vector<std::uint64_t> at(8);
    std::iota(at.begin(), at.end(), 96);
    const std::vector<IoResult> results = read(at);
    for (std::size_t i = 0; i < at.size(); ++i) {
        EXPECT_EQ(results[i], at[i] < 100 ? IoResult{} : IoResult(failure(IoError::gone, at[i]))) << at[i];
    }
}

TEST_F(CollectedReads, OfAnyNumberFindWhatIsThere) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int turn = 0; turn < 60; ++turn) {
        std::vector<std::uint64_t> at(1 + random() % (turn % 3 == 0 ? 1 : 70));
        std::generate(at.begin(), at.end(), [&] { return random() % kBlocks; });
        EXPECT_EQ(read(at), std::vector<IoResult>(at.size()));
        for (std::size_t i = 0; i < at.size(); ++i) {
            EXPECT_TRUE(holds(i, at[i])) << at[i];
        }
    }
}

}  // namespace
}  // namespace targe::device
