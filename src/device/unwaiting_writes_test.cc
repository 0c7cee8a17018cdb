// Writes to the page cache of a file system that says when it would have to wait.
#include "device/file_device.h"
#include "device/testing_device.h"
#include "device/testing_xfs.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;
using testing::Xfs;

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kBlocks = 4096;

/// Writes to a device of kBlocks blocks, and knows what is in it then.
class Writer {
public:
    explicit Writer(std::unique_ptr<Device> device) : device_(std::move(device)) {}

    /// `size` blocks at each, all in one turn.
    std::vector<IoResult> write(const std::vector<std::uint64_t>& at, std::uint64_t size) {
        std::vector<Bytes> from(at.size());
        for (std::size_t i = 0; i < at.size(); ++i) {
            from[i] = pattern(size * kBlock, ++seed_);
        }
        const auto results = on_.run_together(
            at.size(), [&](base::CommandArena& arena, std::size_t i) { return one(arena, at[i], from[i]); });
        for (std::size_t i = 0; i < at.size(); ++i) {
            if (results[i]) {
                std::ranges::copy(from[i], content_.begin() + static_cast<std::ptrdiff_t>(at[i] * kBlock));
            }
        }
        return results;
    }
    [[nodiscard]] bool holds_what_was_written() {
        Bytes found(content_.size());
        return on_.read(*device_, 0, found).has_value() && found == content_;
    }

private:
    base::Task<IoResult> one(base::CommandArena& arena, std::uint64_t lba, const Bytes& from) {
        const base::ConstSegment segment{.data = from.data(), .size = from.size()};
        if (const auto done = device_->write_at_once(lba, segment, Durability::cached)) {
            co_return *done;
        }
        co_return co_await device_->write(arena, lba, {&segment, 1}, Durability::cached);
    }

    OnReactor on_;
    std::unique_ptr<Device> device_;
    Bytes content_ = Bytes(kBlocks * kBlock);
    unsigned seed_ = 0;
};

DeviceConfig config_of(const std::string& path) {
    DeviceConfig config{.handler = Handler::file, .path = path, .block_size = kBlock};
    config.size_bytes = kBlocks * kBlock;
    return config;
}

std::vector<std::uint64_t> every(std::uint64_t step, std::size_t count, std::uint64_t first = 0) {
    std::vector<std::uint64_t> at(count);
    std::ranges::generate(at, [=, n = std::uint64_t{0}]() mutable { return first + step * n++; });
    return at;
}

class UnwaitingWrites : public ::testing::Test {
protected:
    void SetUp() override {
        if (!xfs_) {
            GTEST_SKIP() << "no XFS can be made and mounted here";
        }
        writer_ = std::make_unique<Writer>(open_or_fail(config_of(path_)));
    }

    Xfs xfs_;
    std::string path_ = xfs_ / "file";
    std::unique_ptr<Writer> writer_;
};

TEST_F(UnwaitingWrites, WaitForWhatMustBeReadFirst) {
    EXPECT_EQ(writer_->write(every(8, kBlocks / 8), 8), std::vector<IoResult>(kBlocks / 8));
    const reactor::FileDescriptor file{::open(path_.c_str(), O_RDWR | O_CLOEXEC)};
    for (std::uint64_t round = 0; round < 8; ++round) {
        ASSERT_EQ(::fdatasync(file.get()), 0);
        ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
        const std::vector<std::uint64_t> at = every(8, kBlocks / 8, round);
        EXPECT_EQ(writer_->write(at, 1), std::vector<IoResult>(at.size()));
        EXPECT_EQ(writer_->write({round + 8}, 1), std::vector<IoResult>(1));
    }
    EXPECT_TRUE(writer_->holds_what_was_written());
}

TEST_F(UnwaitingWrites, FailOnlyWhereThereIsNoRoom) {
    // All of the file system but a little, so that some find room.
    const reactor::FileDescriptor other{::open((xfs_ / "other").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    off_t taken = 0;
    for (off_t step = off_t{64} << 20U; step >= 4096; step /= 2) {
        while (::fallocate(other.get(), 0, taken, step) == 0) {
            taken += step;
        }
    }
    ASSERT_EQ(::ftruncate(other.get(), taken - 65536), 0);
    std::size_t failed = 0;
    for (std::uint64_t first = 0; first < kBlocks; first += 128) {
        for (const IoResult& result : writer_->write(every(8, 16, first), 8)) {
            failed += !result;
            EXPECT_TRUE(result || result.error().error == IoError::no_space);
        }
    }
    EXPECT_NE(failed, 0U);
    EXPECT_NE(failed, kBlocks / 8);
    EXPECT_TRUE(writer_->holds_what_was_written());
}

TEST_F(UnwaitingWrites, OfAnyNumberAreThere) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int turn = 0; turn < 60; ++turn) {
        std::vector<std::uint64_t> at(kBlocks / 8);
        std::ranges::generate(at, [n = std::uint64_t{0}]() mutable { return n++; });
        std::ranges::shuffle(at, random);
        at.resize(1 + random() % (turn % 3 == 0 ? 1 : 70));
        const std::uint64_t size = 1 + random() % 8;
        std::ranges::transform(at, at.begin(), [](std::uint64_t eighth) { return eighth * 8; });
        EXPECT_EQ(writer_->write(at, size), std::vector<IoResult>(at.size()));
    }
    EXPECT_TRUE(writer_->holds_what_was_written());
}

TEST(UnwaitingWritesElsewhere, GoOnWhereTheFileSystemDoesNotUnderstand) {
    const ScratchDirectory directory;
    const std::string path = directory / "file";
    auto file = FileDevice::open_file(path, O_RDWR | O_CREAT | O_CLOEXEC);
    ASSERT_TRUE(file);
    ASSERT_EQ(::ftruncate(file->get(), static_cast<off_t>(kBlocks * kBlock)), 0);
    Writer writer(
        std::make_unique<FileDevice>(StoreSettings{.path = path,
                                                   .geometry = {.blocks = kBlocks, .block_size = kBlock},
                                                   .capabilities = {},
                                                   .local = true,
                                                   .writes_need_not_wait = true},
                                     std::move(*file)));
    EXPECT_EQ(writer.write({8}, 8), std::vector<IoResult>(1));
    for (int turn = 0; turn < 3; ++turn) {
        EXPECT_EQ(writer.write(every(16, 32), 8), std::vector<IoResult>(32));
    }
    EXPECT_TRUE(writer.holds_what_was_written());
}

}  // namespace
}  // namespace targe::device
