// What was answered and then lost on its way to the store.
#include "device/block_device.h"
#include "device/file_device.h"
#include "device/testing_device.h"
#include "device/testing_loop.h"
#include "device/testing_small_file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::LoopDevice;
using testing::OnReactor;
using testing::pattern;
using testing::ScratchDirectory;
using testing::SmallFileSystem;

constexpr std::uint64_t kMiB = 1ULL << 20U;
constexpr std::uint64_t kBlocks = 4096;  // of 4096 bytes
const std::unexpected<IoFailure> kLost = failure(IoError::unwritable, 0);

/// A disk of 16 MiB behind the page cache, on a store that takes 1 MiB: the page cache takes more, and cannot
/// get rid of it.
class StoreThatFills : public ::testing::Test {
protected:
    void SetUp() override {
        if (!file_system_) {
            GTEST_SKIP() << file_system_.why_not();
        }
        std::ofstream(file_system_ / "backing").close();
        std::filesystem::resize_file(file_system_ / "backing", kBlocks * 4096);
        loop_ = std::make_unique<LoopDevice>(file_system_ / "backing", 4096);
        if (!*loop_) {
            GTEST_SKIP() << loop_->why_not();
        }
        device_ = std::make_unique<BlockDevice>(
            StoreSettings{.path = loop_->path(),
                          .geometry = {.blocks = kBlocks, .block_size = 4096},
                          .capabilities = {},
                          .data_path = DataPath::page_cache},
            reactor::FileDescriptor{::open(loop_->path().c_str(), O_RDWR | O_CLOEXEC)}, Discard::none);
    }
    /// Before anything that will not last is written.
    void write_more_than_fits(Durability durability = Durability::cached) {
        const IoResult written = on_.write(*device_, 0, pattern(4 * kMiB, 1), durability);
        EXPECT_EQ(written.has_value(), durability == Durability::cached);
    }

    SmallFileSystem file_system_{"size=1m"};
    std::unique_ptr<LoopDevice> loop_;
    OnReactor on_;
    std::unique_ptr<BlockDevice> device_;
};

TEST_F(StoreThatFills, TellsOfWhatIsLostUntilSomebodyGoesOnWithoutIt) {
    EXPECT_FALSE(device_->lost_data());
    write_more_than_fits();
    EXPECT_FALSE(on_.flush(*device_));
    EXPECT_TRUE(device_->lost_data());
    EXPECT_EQ(on_.flush(*device_), kLost) << "the kernel has told once, and knows nothing of it any more";
    EXPECT_EQ(on_.flush(*device_), kLost);
    EXPECT_EQ(on_.write_zeroes(*device_, 9, 1, false, Durability::durable), failure(IoError::unwritable, 9));
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_FALSE(device_->lost_data());
    EXPECT_TRUE(on_.write(*device_, 0, pattern(4096, 2)));
    EXPECT_TRUE(on_.flush(*device_));
}

TEST_F(StoreThatFills, TellsAllWhoFlushAtTheSameTime) {
    write_more_than_fits();
    const auto results = on_.run_together(
        8, [this](base::CommandArena& arena, std::size_t /*i*/) { return device_->flush(arena); });
    for (const IoResult& each : results) {
        EXPECT_FALSE(each);
    }
}

TEST_F(StoreThatFills, TellsOfWhatIsLostAfterADurableWriteWasToldToo) {
    write_more_than_fits();
    const IoResult durable = on_.write(*device_, 0, pattern(4 * kMiB, 3), Durability::durable);
    EXPECT_FALSE(durable) << "the kernel's news are gone with this";
    EXPECT_FALSE(on_.flush(*device_));
}

TEST_F(StoreThatFills, LosesNothingThatWasOnlyRefused) {
    write_more_than_fits(Durability::durable);
    static_cast<void>(on_.flush(*device_));
    EXPECT_TRUE(on_.flush(*device_)) << "nobody had been told that anything was written";
}

TEST(StoreThatIsReplaced, TellsOfWhatTheOldOneHad) {
    const ScratchDirectory directory;
    OnReactor on;
    const std::string path = directory / "disk.img";
    const auto device = testing::open_or_fail(
        {.handler = Handler::file, .path = path, .size_bytes = 8 * kMiB, .block_size = 4096});
    const auto& store = dynamic_cast<const StoredDevice&>(*device);
    EXPECT_TRUE(on.write(*device, 5, pattern(4096, 4)));
    std::filesystem::copy_file(path, directory / "copy");
    EXPECT_TRUE(on.write(*device, 6, pattern(4096, 5)));
    std::filesystem::rename(directory / "copy", path);
    EXPECT_EQ(on.flush(*device), failure(IoError::gone, 0));
    std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    Bytes read(4096);
    EXPECT_TRUE(on.read(*device, 5, read)) << "it is back";
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code error;
        const std::string file = std::filesystem::read_symlink(each.path(), error).string();
        EXPECT_FALSE(file.ends_with("disk.img (deleted)")) << "what syncs by it syncs the old file";
    }
    EXPECT_TRUE(store.lost_data()) << "before anybody flushes";
    EXPECT_EQ(on.flush(*device), kLost) << "without block 6";
    EXPECT_TRUE(on.refresh(*device));
    EXPECT_TRUE(on.flush(*device));
}

constexpr std::uint64_t kOfWrite = 4;  // blocks

/// Every way in which a disk is changed without being told that it must be durable.
struct Change {
    const char* name;
    std::function<bool(OnReactor& on, Device& disk)> make;
};

std::vector<Change> every_change(Device& source) {
    return {{"write",
             [](OnReactor& on, Device& disk) { return on.write(disk, 0, pattern(4096, 1)).has_value(); }},
            {"large write",
             [](OnReactor& on, Device& disk) { return on.write(disk, 0, pattern(2 * kMiB, 1)).has_value(); }},
            {"write at once",
             [](OnReactor& on, Device& disk) {
                 const Bytes bytes = pattern(4096, 1);
                 return on.ask([&] {
                     return disk.write_at_once(0, {bytes.data(), bytes.size()}, Durability::cached)
                         .value_or(IoResult{})
                         .has_value();
                 });
             }},
            {"zeroes", [](OnReactor& on,
                          Device& disk) { return on.write_zeroes(disk, 0, kOfWrite, false).has_value(); }},
            {"unmap", [](OnReactor& on, Device& disk) { return on.unmap(disk, 0, kOfWrite).has_value(); }},
            {"anchor", [](OnReactor& on, Device& disk) { return on.anchor(disk, 0, kOfWrite).has_value(); }},
            {"copy", [&source](OnReactor& on, Device& disk) {
                 return on.copy(disk, 0, source, 0, kOfWrite * 4096).has_value();
             }}};
}

/// Nothing is owed to it any more.
std::unique_ptr<Device> flushed_disk(OnReactor& on, const std::string& path) {
    auto disk = testing::open_or_fail(
        {.handler = Handler::file, .path = path, .size_bytes = 8 * kMiB, .block_size = 4096});
    EXPECT_TRUE(on.write(*disk, 0, pattern(2 * kMiB, 9)));
    EXPECT_TRUE(on.flush(*disk));
    return disk;
}

TEST(StoreThatIsReplaced, TellsOfWhateverHasChangedTheOldOne) {
    const ScratchDirectory directory;
    OnReactor on;
    const auto source = flushed_disk(on, directory / "source.img");
    const std::vector<Change> changes = every_change(*source);
    std::vector<std::unique_ptr<Device>> disks;
    const auto replace = [&](const std::string& path, Device& disk) {
        std::filesystem::copy_file(path, directory / "spare");
        std::filesystem::rename(directory / "spare", path);
        EXPECT_EQ(on.flush(disk), failure(IoError::gone, 0));
    };
    for (const Change& change : changes) {
        SCOPED_TRACE(change.name);
        const std::string path = directory / change.name;
        disks.push_back(flushed_disk(on, path));
        EXPECT_TRUE(change.make(on, *disks.back()));
        replace(path, *disks.back());
    }
    const auto unchanged = flushed_disk(on, directory / "unchanged");
    replace(directory / "unchanged", *unchanged);
    std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    Bytes read(4096);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        SCOPED_TRACE(changes[i].name);
        EXPECT_TRUE(on.read(*disks[i], 5, read)) << "it is back";
        EXPECT_TRUE(disks[i]->lost_data());
    }
    EXPECT_TRUE(on.read(*unchanged, 5, read));
    EXPECT_FALSE(unchanged->lost_data());
}

/// A disk that can discard and says nothing of what is read then.
TEST(StoreThatIsReplaced, TellsOfWhatWasDiscardedOnTheOldOne) {
    const ScratchDirectory directory;
    OnReactor on;
    for (const char* const file : {"one", "other"}) {
        std::ofstream(directory / file).close();
        std::filesystem::resize_file(directory / file, 8 * kMiB);
    }
    const LoopDevice one(directory / "one", 4096);
    const LoopDevice other(directory / "other", 4096);
    if (!one || !other) {
        GTEST_SKIP() << one.why_not() << other.why_not();
    }
    const std::string path = directory / "disk";
    std::filesystem::create_symlink(one.path(), path);
    BlockDevice disk(StoreSettings{.path = path,
                                   .geometry = {.blocks = 8 * kMiB / 4096, .block_size = 4096},
                                   .capabilities = {.unmap = true},
                                   .data_path = DataPath::direct,
                                   .memory_alignment = 4096},
                     reactor::FileDescriptor{::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC)},
                     Discard::plain);
    EXPECT_TRUE(on.flush(disk));
    if (!on.unmap(disk, 0, 4)) {
        GTEST_SKIP() << "this loop device cannot discard";
    }
    std::filesystem::resize_file(directory / "one", 0);
    one.take_size_of_file();
    std::filesystem::remove(path);
    std::filesystem::create_symlink(other.path(), path);
    EXPECT_EQ(on.flush(disk), failure(IoError::gone, 0));
    std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    Bytes read(4096);
    EXPECT_TRUE(on.read(disk, 5, read)) << "another one is there";
    EXPECT_TRUE(disk.lost_data());
}

/// A file that somebody has cut, and nobody has looked at since.
class CutFile : public ::testing::TestWithParam<bool> {
protected:
    CutFile() {
        EXPECT_TRUE(on_.write(*device_, 100, pattern(4096, 6), Durability::durable));
        std::filesystem::resize_file(path_, 0);
    }
    [[nodiscard]] std::uint64_t size() const { return std::filesystem::file_size(path_); }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "disk.img";
    OnReactor on_;
    std::unique_ptr<Device> device_ = testing::open_or_fail({.handler = Handler::file,
                                                             .path = path_,
                                                             .size_bytes = 8 * kMiB,
                                                             .block_size = 4096,
                                                             .direct = GetParam()});
};

TEST_P(CutFile, IsNotMadeWholeByAWriteToItsEnd) {
    const Bytes last = pattern(4096, 7);
    EXPECT_EQ(on_.ask([&] {
        return device_->write_at_once(2047, {last.data(), last.size()}, Durability::cached).has_value();
    }),
              false);
    EXPECT_EQ(on_.write(*device_, 2047, last), failure(IoError::gone, 2047));
    EXPECT_EQ(size(), 0U);
    Bytes read(4096);
    EXPECT_EQ(on_.read(*device_, 100, read), failure(IoError::gone, 100)) << "and not zeroes";
}

TEST_P(CutFile, DoesNotTakeDurableWritesElsewhere) {
    EXPECT_EQ(on_.write(*device_, 7, pattern(4096, 8), Durability::durable), failure(IoError::gone, 7));
    EXPECT_TRUE(device_->away());
}

INSTANTIATE_TEST_SUITE_P(FileDevice, CutFile, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "Direct" : "Cached"; });

}  // namespace
}  // namespace targe::device
