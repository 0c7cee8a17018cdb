// Work that must not go on with another medium, and a file that another one has taken the place of meanwhile.
#include "device/open_medium.h"
#include "device/stored_device.h"
#include "device/testing_device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::pattern;
using testing::ScratchDirectory;

TEST(OpenMedium, IsPinnedAsTheOneItIs) {
    OpenMedium medium;
    EXPECT_EQ(medium.number(), 0U);
    EXPECT_TRUE(medium.pin(0));
    medium.may_have_changed();
    EXPECT_FALSE(medium.pin(0));
    EXPECT_TRUE(medium.pin(1));
    medium.unpin();
    medium.unpin();
    EXPECT_TRUE(medium.exchange([] { return true; })) << "a pin that was refused is none";
    EXPECT_EQ(medium.number(), 2U);
    EXPECT_FALSE(medium.exchange([] { return false; }));
    EXPECT_EQ(medium.number(), 2U) << "nothing was put in its place";
    EXPECT_TRUE(medium.pin(2));
}

TEST(OpenMedium, IsNotExchangedWhileItIsPinned) {
    OpenMedium medium;
    ASSERT_TRUE(medium.pin(0));
    EXPECT_FALSE(medium.exchange([] { return true; }, std::chrono::milliseconds{0}));
    EXPECT_TRUE(medium.pin(0)) << "and can be pinned again";
}

TEST(OpenMedium, IsNotPinnedWhileItIsExchanged) {
    OpenMedium medium;
    EXPECT_TRUE(medium.exchange([&medium] {
        EXPECT_FALSE(medium.pin(0));
        EXPECT_FALSE(medium.pin(1));
        return true;
    }));
    EXPECT_TRUE(medium.pin(1));
}

class PinnedFile : public ::testing::Test {
protected:
    PinnedFile() {
        put(path_, first_);
        auto opened = open({.handler = Handler::file, .path = path_, .block_size = 512});
        EXPECT_TRUE(opened) << opened.error().text;
        device_ = std::move(*opened);
    }
    static void put(const std::string& path, const Bytes& content) {
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
    }
    void replace() {
        put(directory_ / "new", second_);
        std::filesystem::rename(directory_ / "new", path_);
    }
    static ino_t inode_of(int descriptor) {
        struct stat about{};
        return ::fstat(descriptor, &about) == 0 ? about.st_ino : 0;
    }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "image";
    Bytes first_ = pattern(65536, 1);
    Bytes second_ = pattern(65536, 2);
    OnReactor on_;
    std::unique_ptr<Device> device_;
};

TEST_F(PinnedFile, StaysOpenUntilItIsLetGo) {
    const ino_t first = inode_of(device_->descriptor());
    ASSERT_TRUE(device_->pin(0));
    replace();
    std::future<IoResult> found = std::async(std::launch::async, [this] { return on_.refresh(*device_); });
    // Somebody wants its place from the moment on from which it cannot be pinned.
    while (device_->pin(0)) {
        device_->unpin();
        std::this_thread::yield();
    }
    EXPECT_EQ(inode_of(device_->descriptor()), first);
    device_->unpin();
    EXPECT_TRUE(found.get());
    EXPECT_NE(inode_of(device_->descriptor()), first);
    EXPECT_FALSE(device_->pin(0));
    EXPECT_TRUE(device_->pin(device_->medium()));
}

TEST_F(PinnedFile, MayBeAnotherOnceItWasAway) {
    const auto wait_for_a_look = [] {
        std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    };
    EXPECT_TRUE(on_.probe(*device_));
    std::filesystem::create_hard_link(path_, directory_ / "kept");
    std::filesystem::resize_file(path_, 512);
    wait_for_a_look();
    EXPECT_FALSE(on_.probe(*device_));
    const std::uint64_t away = device_->medium();
    EXPECT_GT(away, 0U);
    std::filesystem::resize_file(path_, first_.size());
    wait_for_a_look();
    EXPECT_TRUE(on_.probe(*device_));
    EXPECT_GT(device_->medium(), away);
    EXPECT_FALSE(device_->pin(away));
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_TRUE(device_->pin(device_->medium()));
}

}  // namespace
}  // namespace targe::device
