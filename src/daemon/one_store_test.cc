#include "daemon/one_store.h"

#include "daemon/testing_block_folders.h"
#include "device/testing_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
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

TEST_F(OneStore, IsNoDiscOfADriveWhereADeviceWritesIt) {
    admin::DeviceConfig drive = at("link");
    drive.name = "cd0";
    drive.drive = true;
    const auto written = disc_is_written(std::array{at("other.img"), at("disk.img"), drive}, drive);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->what, "drive cd0 keeps what it has");
    EXPECT_THAT(written->cause, ::testing::HasSubstr("device disk.img may write"));
    EXPECT_FALSE(disc_is_written(std::array{at("other.img"), at("disk.img", true), drive}, drive));
    admin::DeviceConfig another = drive;
    another.name = "cd1";
    EXPECT_FALSE(disc_is_written(std::array{another, drive}, drive)) << "they only read";
}

/// Folders as sysfs has them: a disk 8:0 of 1000 sectors with two partitions, 8:1 and 8:2; a loop device 7:0
/// over disk.img from byte 4096 on, with a partition 259:0; two volumes, 253:0 and 253:1, on 8:2.
class OneBlockStore : public OneStore {
protected:
    OneBlockStore() {
        folders_.put("sda", "8:0", {{"dev", "8:0"}});
        folders_.put("sda/sda1", "8:1",
                     {{"dev", "8:1"}, {"partition", "1"}, {"start", "100"}, {"size", "300"}});
        folders_.put("sda/sda2", "8:2",
                     {{"dev", "8:2"}, {"partition", "2"}, {"start", "400"}, {"size", "600"}});
        folders_.put("loop0", "7:0", {{"dev", "7:0"}});
        folders_.put("loop0/loop", "",
                     {{"backing_file", directory_ / "disk.img"}, {"offset", "4096"}, {"sizelimit", "0"}});
        folders_.put("loop0/p1", "259:0",
                     {{"dev", "259:0"}, {"partition", "1"}, {"start", "8"}, {"size", "8"}});
        for (const char* const volume : {"253:0", "253:1"}) {
            folders_.put(std::string("dm-") + volume + "/slaves/sda2", "", {{"dev", "8:2"}});
            folders_.link(std::string("dm-") + volume, volume);
        }
    }
    [[nodiscard]] static admin::DeviceConfig block(const std::string& number, bool read_only = false) {
        admin::DeviceConfig device;
        device.name = number;
        device.handler = admin::Handler::block;
        device.path = "/dev/" + number;
        device.read_only = read_only;
        return device;
    }
    [[nodiscard]] bool apart(const admin::DeviceConfig& a, const admin::DeviceConfig& b) const {
        const bool found = one_store_twice(std::array{a, b}, host_).has_value();
        EXPECT_EQ(found, one_store_twice(std::array{b, a}, host_).has_value()) << a.name << " " << b.name;
        return !found;
    }

    const testing::BlockFolders folders_{directory_.path()};
    StoresOfHost host_ = folders_.host();
};

TEST_F(OneBlockStore, IsAPartitionAndItsDisk) {
    EXPECT_FALSE(apart(block("8:1"), block("8:0", true)));
    EXPECT_FALSE(apart(block("8:1", true), block("8:0")));
    EXPECT_TRUE(apart(block("8:1", true), block("8:0", true)));
    EXPECT_TRUE(apart(block("8:1"), block("8:2")));
}

TEST_F(OneBlockStore, IsALoopDeviceAndItsFile) {
    const auto problem = one_store_twice(std::array{at("link"), block("7:0")}, host_);
    ASSERT_TRUE(problem);
    EXPECT_THAT(problem->cause,
                ::testing::HasSubstr("/dev/7:0 and " + (directory_ / "link") + " are not apart"));
    EXPECT_TRUE(apart(at("other.img"), block("7:0")));
    EXPECT_FALSE(apart(block("259:0"), block("7:0", true)));
    EXPECT_FALSE(apart(block("259:0"), at("disk.img", true)));
}

TEST_F(OneBlockStore, IsNoDiscWhereADeviceWritesTheLoopDeviceOverIt) {
    admin::DeviceConfig drive = at("disk.img");
    drive.drive = true;
    EXPECT_TRUE(disc_is_written(std::array{block("7:0")}, drive, host_));
    EXPECT_TRUE(disc_is_written(std::array{block("259:0")}, drive, host_));
    EXPECT_FALSE(disc_is_written(std::array{block("7:0", true), block("8:0")}, drive, host_));
}

TEST_F(OneBlockStore, IsAVolumeAndWhatItIsMadeOf) {
    EXPECT_TRUE(apart(block("253:0"), block("253:1"))) << "two volumes of one group";
    EXPECT_FALSE(apart(block("253:0"), block("8:2", true)));
    EXPECT_FALSE(apart(block("253:0"), block("8:0", true)));
    EXPECT_TRUE(apart(block("253:0"), block("8:1")));
}

TEST_F(OneStore, IsNoneWhereThereIsNone) {
    admin::DeviceConfig memory;
    memory.name = "ram0";
    EXPECT_FALSE(one_store_twice(std::array{memory, memory, at("disk.img"), at("other.img")}));
}

}  // namespace
}  // namespace targe::daemon
