#include "daemon/served_images.h"

#include "device/testing_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace targe::daemon {
namespace {

using ::testing::HasSubstr;

class ServedImagesTest : public ::testing::Test {
protected:
    [[nodiscard]] admin::Config config() const {
        admin::Config made;
        made.devices = {
            {.name = "disk0", .handler = admin::Handler::file, .path = path_, .size_bytes = 4096}};
        return made;
    }
    admin::StateDirectory state() {
        auto opened = admin::StateDirectory::open(directory_ / "state");
        if (!opened) {
            ADD_FAILURE() << opened.error().cause;
            std::abort();
        }
        return std::move(*opened);
    }
    /// What a start finds after one that went well.
    ServedImages after_a_start() {
        admin::StateDirectory directory = state();
        std::ofstream(path_) << "an image";
        ServedImages images = *ServedImages::load(directory);
        EXPECT_FALSE(images.lost(config().devices[0]));
        EXPECT_TRUE(images.remember(directory, config()));
        return *ServedImages::load(directory);
    }

    const device::testing::ScratchDirectory directory_;
    const std::string path_ = directory_ / "disk0.img";
};

TEST_F(ServedImagesTest, OneThatIsNewIsToBeMade) {
    const ServedImages images = *ServedImages::load(state());
    EXPECT_FALSE(images.lost(config().devices[0]));
}

TEST_F(ServedImagesTest, OneThatWasThereIsNotMadeAgain) {
    const ServedImages images = after_a_start();
    EXPECT_FALSE(images.lost(config().devices[0])) << "it is there";
    std::filesystem::remove(path_);
    const auto lost = images.lost(config().devices[0]);
    ASSERT_TRUE(lost);
    EXPECT_THAT(lost->what, HasSubstr("disk0"));
    EXPECT_THAT(lost->cure, HasSubstr("touch " + path_));
}

TEST_F(ServedImagesTest, OneThatLiesBehindALinkIntoWhatIsNotMountedIsLostToo) {
    const ServedImages images = after_a_start();
    std::filesystem::remove(path_);
    std::filesystem::create_symlink(directory_ / "not-there/disk0.img", path_);
    EXPECT_TRUE(images.lost(config().devices[0]));
}

TEST_F(ServedImagesTest, AnotherPathOrNameIsNew) {
    const ServedImages images = after_a_start();
    std::filesystem::remove(path_);
    admin::DeviceConfig device = config().devices[0];
    device.name = "disk1";
    EXPECT_FALSE(images.lost(device));
    device = config().devices[0];
    device.path += "2";
    EXPECT_FALSE(images.lost(device));
}

TEST_F(ServedImagesTest, OneThatIsNotConfiguredAnyMoreIsForgotten) {
    ServedImages images = after_a_start();
    admin::StateDirectory directory = state();
    EXPECT_TRUE(images.remember(directory, {}));
    std::filesystem::remove(path_);
    EXPECT_FALSE(ServedImages::load(directory)->lost(config().devices[0]));
}

TEST_F(ServedImagesTest, AFileThatIsNotUnderstoodIsAProblem) {
    admin::StateDirectory directory = state();
    for (const char* const content : {"", "[]", "{\"disk0\": 1}"}) {
        ASSERT_TRUE(directory.store("images", content));
        EXPECT_FALSE(ServedImages::load(directory)) << content;
    }
}

}  // namespace
}  // namespace targe::daemon
