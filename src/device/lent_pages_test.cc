// Reads that are lent as pages of the kernel's.
#include "device/resident_pages.h"
#include "device/testing_device.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kBlocks = 8192;
constexpr std::size_t kPage = 4096;

/// What is in the pipe, taken out.
Bytes taken_from(const base::Piped& piped) {
    Bytes all(piped.size);
    for (std::size_t at = 0; at < all.size();) {
        const ssize_t got = ::read(piped.pipe, all.data() + at, all.size() - at);
        if (got <= 0) {
            ADD_FAILURE() << "the pipe has only " << at << " bytes";
            return {};
        }
        at += static_cast<std::size_t>(got);
    }
    return all;
}

class LentPages : public ::testing::Test {
protected:
    void SetUp() override {
        struct statfs about{};
        ASSERT_EQ(::statfs(directory_.path().c_str(), &about), 0);
        if (about.f_type != EXT4_SUPER_MAGIC) {
            GTEST_SKIP() << directory_.path() << " is not on ext4";
        }
        open(false);
    }
    void open(bool direct) {
        DeviceConfig config{.handler = Handler::file, .path = path_, .block_size = kBlock};
        config.size_bytes = kBlocks * kBlock;
        config.direct = direct;
        device_.reset();
        device_ = open_or_fail(config);
        ASSERT_TRUE(on_.write(*device_, 0, content_));
    }
    /// Nothing when they are not lent.
    std::optional<Bytes> lend(std::uint64_t lba, std::uint64_t blocks) {
        return on_.ask([&]() -> std::optional<Bytes> {
            const auto pages = device_->lend_pages(lba, blocks * kBlock);
            return pages ? std::optional(taken_from(pages->piped())) : std::nullopt;
        });
    }
    /// As it was written.
    [[nodiscard]] Bytes content(std::uint64_t lba, std::uint64_t blocks) const {
        const auto from = content_.begin() + static_cast<std::ptrdiff_t>(lba * kBlock);
        return {from, from + static_cast<std::ptrdiff_t>(blocks * kBlock)};
    }
    void forget_cached() const {
        const reactor::FileDescriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
        ASSERT_EQ(::fsync(file.get()), 0);
        ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
    }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "file";
    Bytes content_ = pattern(kBlocks * kBlock, 1);
    OnReactor on_;
    std::unique_ptr<Device> device_;
};

TEST_F(LentPages, AreWhatWasWritten) {
    static_cast<void>(lend(0, 128));  // the first operation looks whether the file is there
    EXPECT_EQ(lend(0, 128), content(0, 128));
    EXPECT_EQ(lend(3, 1000), content(3, 1000)) << "not from the beginning of a page";
    EXPECT_EQ(lend(kBlocks - 128, 128), content(kBlocks - 128, 128));
    EXPECT_EQ(lend(0, 127), std::nullopt) << "a copy costs less";
    const Bytes other = pattern(128 * kBlock, 2);
    ASSERT_TRUE(on_.write(*device_, 64, other));
    EXPECT_EQ(lend(64, 128), other);
}

TEST_F(LentPages, AreThoseThatAreInMemory) {
    static_cast<void>(lend(0, 128));
    forget_cached();
    EXPECT_EQ(lend(0, 128), std::nullopt);
    Bytes half(64 * kBlock);
    ASSERT_TRUE(on_.read(*device_, 0, half));
    forget_cached();
    const reactor::FileDescriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM), 0);
    ASSERT_EQ(::pread(file.get(), half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
    EXPECT_EQ(lend(0, 128), std::nullopt) << "one that is missing would be waited for";
    Bytes all(128 * kBlock);
    ASSERT_TRUE(on_.read(*device_, 0, all));
    EXPECT_EQ(lend(0, 128), content(0, 128));
}

TEST_F(LentPages, AreOfNoFileThatIsReadPastThePageCache) {
    open(true);
    static_cast<void>(lend(0, 128));
    EXPECT_EQ(lend(0, 128), std::nullopt);
}

TEST_F(LentPages, AreOfAFileThatWasCutNoMore) {
    static_cast<void>(lend(0, 128));
    std::filesystem::resize_file(path_, 64 * kBlock);
    EXPECT_EQ(lend(0, 128), std::nullopt);
    EXPECT_EQ(lend(1024, 128), std::nullopt);
}

std::string maps() {
    std::ostringstream text;
    text << std::ifstream("/proc/self/maps").rdbuf();
    return text.str();
}

TEST(ResidentPages, FollowTheFileThatTakesThePlace) {
    const ScratchDirectory directory;
    const auto make = [&](const std::string& name, std::size_t pages) {
        reactor::FileDescriptor file{::open((directory / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
        const Bytes data = pattern(pages * kPage, 1);
        EXPECT_EQ(::write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
        EXPECT_EQ(::ftruncate(file.get(), 4 * kPage), 0);
        return file;
    };
    const auto first = make("first", 4);
    const auto second = make("second", 2);
    ResidentPages pages(first.get(), 4 * kPage);
    EXPECT_TRUE(pages.hold(0, 4 * kPage));
    EXPECT_TRUE(pages.hold(4 * kPage - 1, 1));
    EXPECT_FALSE(pages.hold(4 * kPage - 1, 2));
    EXPECT_FALSE(pages.hold(5 * kPage, 1));
    pages.follow(second.get());
    EXPECT_TRUE(pages.hold(0, 2 * kPage));
    EXPECT_FALSE(pages.hold(kPage, 2 * kPage));
    EXPECT_EQ(maps().find(directory / "first"), std::string::npos) << "its space is not given back";
    const reactor::FileDescriptor elsewhere{::memfd_create("elsewhere", MFD_CLOEXEC)};
    ASSERT_EQ(::ftruncate(elsewhere.get(), 4 * kPage), 0);
    pages.follow(elsewhere.get());
    EXPECT_FALSE(pages.hold(0, kPage)) << "who knows how its file system splices";
    EXPECT_EQ(maps().find(directory / "second"), std::string::npos);
}

TEST(ResidentPages, OfNothingHoldNothing) {
    const ResidentPages none(-1, 0);
    EXPECT_FALSE(none.hold(0, 1));
}

}  // namespace
}  // namespace targe::device
