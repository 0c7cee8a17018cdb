#include "daemon/store_marks.h"

#include "daemon/testing_block_folders.h"
#include "device/testing_device.h"
#include "device/testing_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace targe::daemon {
namespace {

using Verdict = SameStore::Verdict;
using ::testing::HasSubstr;

class Marked : public ::testing::Test {
protected:
    Marked() {
        host_.boot_id = directory_ / "boot_id";
        boot("monday");
        host_.born = [](const std::string& path) { return std::optional("birth of " + path); };
    }
    void boot(const std::string& day) const { std::ofstream(directory_ / "boot_id") << day << '\n'; }
    [[nodiscard]] StoreMarks of(const std::string& path) const { return marks_of(path, host_); }
    /// A whole disk, which has this number now.
    [[nodiscard]] StoreMarks disk(const std::string& folder, const std::string& number,
                                  std::map<std::string, std::string> files) const {
        files.emplace("size", "2048");
        folders_.put(folder, number, files);
        return of("/dev/" + number);
    }

    const device::testing::ScratchDirectory directory_;
    const testing::BlockFolders folders_{directory_.path()};
    StoresOfHost host_ = folders_.host();
};

TEST_F(Marked, IsAFileByItsInodeAndItsBirthWhateverItsPath) {
    const auto real = [&](const char* name) { return marks_of(directory_ / name); };
    std::ofstream(directory_ / "a.img") << "x";
    std::ofstream(directory_ / "b.img") << "x";
    const StoreMarks before = real("a.img");
    if (!stores_of_host().born(directory_ / "a.img")) {
        GTEST_SKIP() << "the file system of " << directory_.path() << " tells no birth times";
    }
    EXPECT_EQ(compare(before, real("b.img")).verdict, Verdict::another);
    std::ofstream(directory_ / "a.img") << "written to, and larger";
    std::filesystem::rename(directory_ / "a.img", directory_ / "moved.img");
    EXPECT_EQ(compare(before, real("moved.img")).verdict, Verdict::same);
    std::filesystem::rename(directory_ / "b.img", directory_ / "a.img");
    EXPECT_EQ(compare(before, real("a.img")).verdict, Verdict::another);
}

TEST_F(Marked, IsAnotherFileThatWasGivenTheSameInode) {
    const StoreMarks before{{"inode number", "12"}, {"birth time", "1.5"}};
    const SameStore found = compare(before, {{"inode number", "12"}, {"birth time", "1.6"}});
    EXPECT_EQ(found.verdict, Verdict::another);
    EXPECT_EQ(found.why, "its birth time was 1.5 and is 1.6");
}

TEST_F(Marked, IsUnknownByTheInodeAlone) {
    host_.born = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
    std::ofstream(directory_ / "a.img") << "x";
    std::ofstream(directory_ / "b.img") << "x";
    EXPECT_EQ(compare(of(directory_ / "a.img"), of(directory_ / "a.img")).verdict, Verdict::unknown);
    EXPECT_EQ(compare(of(directory_ / "a.img"), of(directory_ / "b.img")).verdict, Verdict::another);
}

TEST_F(Marked, HasNoneWhereNothingIsKnown) {
    EXPECT_TRUE(of(directory_ / "missing.img").empty());
    EXPECT_EQ(compare({}, {}).verdict, Verdict::unknown);
    EXPECT_EQ(compare({}, {{"WWID", "naa.5"}}).verdict, Verdict::unknown) << "both have to know";
}

TEST_F(Marked, IsADiskByWhatItIsCalled) {
    const std::map<std::string, std::map<std::string, std::string>> disks{
        {"sda", {{"device/wwid", "naa.5000c500a1b2c3d4"}}},
        {"sdb", {{"device/wwid", "naa.5000c500ffffffff"}}},
        {"nvme0n1", {{"wwid", "eui.0025385b71b0"}}},
        {"vda", {{"serial", "of virtio"}}},
        {"vdb", {{"serial", "of another"}}},
        {"mmcblk0", {{"device/cid", "150100424a54443452"}}},
        {"dm-0", {{"dm/uuid", "LVM-abc"}}},
        {"dm-1", {{"dm/uuid", "LVM-def"}}},
        {"md0", {{"md/uuid", "01:02"}}}};
    for (const auto& [name, files] : disks) {
        const StoreMarks before = disk(name, "8:0", files);
        boot("tuesday");
        EXPECT_EQ(compare(before, disk(name, "8:16", files)).verdict, Verdict::same) << name;
        for (const auto& [other, its] : disks) {
            if (other != name && its.begin()->first == files.begin()->first) {
                const SameStore found = compare(before, disk(other, "8:0", its));
                EXPECT_EQ(found.verdict, Verdict::another) << name << " " << other;
                EXPECT_THAT(found.why, HasSubstr(its.begin()->second));
            }
        }
    }
}

TEST_F(Marked, IsAnotherOfAnotherSizeWhateverItIsCalled) {
    // Some bridges from USB give all disks that are behind them the same serial number.
    const std::map<std::string, std::string> named{{"serial", "123456789012"}};
    const StoreMarks before = disk("sda", "8:0", named);
    auto larger = named;
    larger["size"] = "4096";
    const SameStore found = compare(before, disk("sdb", "8:0", larger));
    EXPECT_EQ(found.verdict, Verdict::another);
    EXPECT_EQ(found.why, "its size in bytes was 1048576 and is 2097152");
}

TEST_F(Marked, IsUnknownByTheSizeAlone) {
    EXPECT_EQ(compare(disk("vda", "8:0", {}), disk("vdb", "8:0", {})).verdict, Verdict::unknown);
}

TEST_F(Marked, IsKnownByItsSequenceNumberUntilTheHostIsStartedAnew) {
    const StoreMarks before = disk("vda", "8:0", {{"diskseq", "7"}});
    EXPECT_EQ(compare(before, disk("vdb", "8:16", {{"diskseq", "7"}})).verdict, Verdict::same);
    EXPECT_EQ(compare(before, disk("vdc", "8:0", {{"diskseq", "8"}})).verdict, Verdict::another);
    boot("tuesday");
    for (const char* const sequence : {"7", "8"}) {
        EXPECT_EQ(compare(before, disk("vde", "8:0", {{"diskseq", sequence}})).verdict, Verdict::unknown);
    }
}

TEST_F(Marked, IsTheSameDiskWhenItWasTakenOutAndPutInAgain) {
    const StoreMarks before = disk("sda", "8:0", {{"device/wwid", "naa.5"}, {"diskseq", "7"}});
    EXPECT_EQ(compare(before, disk("sda", "8:0", {{"device/wwid", "naa.5"}, {"diskseq", "8"}})).verdict,
              Verdict::same);
}

TEST_F(Marked, IsAnotherMediumInTheSameDrive) {
    const StoreMarks before =
        disk("sda", "8:0", {{"device/wwid", "naa.5"}, {"diskseq", "7"}, {"removable", "1"}});
    EXPECT_EQ(compare(before, disk("sda", "8:0", {{"diskseq", "8"}})).verdict, Verdict::another);
}

TEST_F(Marked, IsAPartitionByItsDiskAndItsPlace) {
    const auto partition = [&](const char* disk_folder, const char* number, const char* start) {
        const std::string folder = std::string(disk_folder) + "/part" + number;
        folders_.put(folder, number, {{"partition", "1"}, {"start", start}, {"size", "100"}});
        return of(std::string("/dev/") + number);
    };
    static_cast<void>(disk("sda", "8:0", {{"dev", "8:0"}, {"device/wwid", "naa.5"}}));
    static_cast<void>(disk("sdb", "8:16", {{"dev", "8:16"}, {"device/wwid", "naa.6"}}));
    const StoreMarks before = partition("sda", "8:1", "64");
    EXPECT_EQ(compare(before, partition("sda", "8:2", "64")).verdict, Verdict::same);
    EXPECT_EQ(compare(before, partition("sda", "8:3", "164")).verdict, Verdict::another);
    EXPECT_EQ(compare(before, partition("sdb", "8:17", "64")).verdict, Verdict::another);
    EXPECT_EQ(compare(before, of("/dev/8:0")).verdict, Verdict::another) << "all of the disk";
}

TEST_F(Marked, IsALoopDeviceByItsFile) {
    const auto loop = [&](const char* name, const std::string& file, const char* offset) {
        const std::string number = std::string("7:") + name;
        folders_.put(
            std::string("loop") + name, number,
            {{"loop/backing_file", file}, {"loop/offset", offset}, {"size", "8"}, {"diskseq", name}});
        return of("/dev/" + number);
    };
    const std::string a = directory_ / "a.img";
    const std::string b = directory_ / "b.img";
    std::ofstream(a) << "x";
    std::ofstream(b) << "x";
    const StoreMarks before = loop("0", a, "0");
    EXPECT_EQ(compare(before, loop("1", a, "0")).verdict, Verdict::same) << "set up anew";
    EXPECT_EQ(compare(before, loop("2", a, "4096")).verdict, Verdict::another);
    EXPECT_EQ(compare(before, loop("0", b, "0")).verdict, Verdict::another);
    EXPECT_EQ(compare(before, of(a)).verdict, Verdict::same) << "the file itself";
    EXPECT_EQ(compare(before, disk("sda", "8:0", {{"device/wwid", "naa.5"}})).verdict, Verdict::another);
    static_cast<void>(disk("sda", "8:0", {{"device/wwid", "naa.5"}}));
    const StoreMarks over_disk = loop("3", "/dev/8:0", "0");
    EXPECT_EQ(over_disk.at("WWID"), "naa.5") << "a loop device over a disk";
}

TEST_F(Marked, IsALoopDeviceOfThisHostByItsFile) {
    const std::string a = directory_ / "a.img";
    const std::string b = directory_ / "b.img";
    for (const std::string& file : {a, b}) {
        std::ofstream(file) << "x";
        std::filesystem::resize_file(file, 1 << 20U);
    }
    StoreMarks before;
    {
        const device::testing::LoopDevice first(a, 512);
        if (!first) {
            GTEST_SKIP() << first.why_not();
        }
        before = marks_of(first.path());
    }
    const device::testing::LoopDevice again(a, 512);
    const device::testing::LoopDevice other(b, 512);
    if (!again || !other) {
        GTEST_SKIP() << again.why_not() << other.why_not();
    }
    EXPECT_EQ(compare(before, marks_of(again.path())).verdict, Verdict::same);
    EXPECT_EQ(compare(before, marks_of(other.path())).verdict, Verdict::another);
}

TEST_F(Marked, IsKeptAndFoundAgain) {
    const StoreMarks marks =
        disk("sda", "8:0", {{"device/wwid", "t10.ATA     a=b  \t "}, {"diskseq", "7"}, {"serial", "  "}});
    EXPECT_EQ(marks.at("WWID"), "t10.ATA     a=b");
    EXPECT_FALSE(marks.contains("serial number")) << "nothing but blanks";
    EXPECT_EQ(marks_from_text(to_text(marks)), marks);
    EXPECT_TRUE(marks_from_text("").empty());
    EXPECT_EQ(marks_from_text("WWID=naa.5").at("WWID"), "naa.5") << "cut short";
    EXPECT_TRUE(marks_from_text("no mark\n\n").empty());
}

}  // namespace
}  // namespace targe::daemon
