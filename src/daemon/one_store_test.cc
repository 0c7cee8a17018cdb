#include "daemon/one_store.h"

#include "device/testing_device.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

namespace targe::daemon {
namespace {

class OneStore : public ::testing::Test {
protected:
    OneStore() {
        std::ofstream(directory_ / "disk.img") << "x";
        std::ofstream(directory_ / "other.img") << "x";
        std::filesystem::create_symlink("disk.img", directory_ / "symlink");
        std::filesystem::create_hard_link(directory_ / "disk.img", directory_ / "link");
    }
    [[nodiscard]] admin::DeviceConfig at(const char* name, bool read_only = false) const {
        admin::DeviceConfig device;
        device.name = name;
        device.handler = admin::Handler::file;
        device.path = directory_ / name;
        device.read_only = read_only;
        return device;
    }

    const device::testing::ScratchDirectory directory_;
};

TEST_F(OneStore, IsFoundUnderItsOtherNames) {
    for (const char* const name : {"symlink", "link"}) {
        const auto problem = one_store_twice(std::array{at("other.img"), at("disk.img"), at(name)});
        ASSERT_TRUE(problem) << name;
        EXPECT_EQ(problem->what, std::string("the devices disk.img and ") + name + " are one store");
    }
}

TEST_F(OneStore, IsSharedByThoseWhoOnlyRead) {
    EXPECT_FALSE(one_store_twice(std::array{at("disk.img", true), at("link", true), at("symlink", true)}));
    EXPECT_TRUE(one_store_twice(std::array{at("disk.img", true), at("link", true), at("symlink")}));
    EXPECT_TRUE(one_store_twice(std::array{at("disk.img"), at("link", true)}));
    admin::DeviceConfig drive = at("link");
    drive.drive = true;
    EXPECT_FALSE(one_store_twice(std::array{at("disk.img", true), drive}));
    EXPECT_TRUE(one_store_twice(std::array{at("disk.img"), drive})) << "a disc that somebody writes";
}

TEST_F(OneStore, IsNoneWhereThereIsNone) {
    admin::DeviceConfig memory;
    memory.name = "ram0";
    EXPECT_FALSE(one_store_twice(std::array{memory, memory, at("disk.img"), at("other.img")}));
}

}  // namespace
}  // namespace targe::daemon
