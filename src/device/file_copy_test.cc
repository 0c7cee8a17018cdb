// Copies from file to file, on the file systems that this machine lets the test have.
#include "device/file_copy.h"

#include "device/testing_device.h"
#include "device/testing_xfs.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;
using testing::Xfs;

constexpr std::uint64_t kMiB = 1ULL << 20U;
constexpr std::uint64_t kBlock = 4096;

DeviceConfig config_of(const std::string& path, bool direct = false) {
    return {.handler = Handler::file,
            .path = path,
            .size_bytes = 16 * kMiB,
            .block_size = kBlock,
            .direct = direct};
}

/// Copies 4 MiB, to another place in another file, and looks at all of it.
void copy_and_look(const std::string& from_path, const std::string& to_path, bool direct, CopyPath expected) {
    OnReactor on;
    const auto from = open_or_fail(config_of(from_path, direct));
    const auto to = open_or_fail(config_of(to_path, direct));
    const Bytes data = pattern(4 * kMiB, 1);
    const Bytes around = pattern(16 * kMiB, 2);
    ASSERT_TRUE(on.write(*from, 100, data));
    ASSERT_TRUE(on.write(*to, 0, around));
    for (const Durability durability : {Durability::cached, Durability::durable}) {
        EXPECT_EQ(on.copy(*to, 200, *from, 100, 4 * kMiB, durability), expected);
    }
    Bytes all(16 * kMiB);
    Bytes wanted = around;
    if (expected != CopyPath::none) {
        std::copy(data.begin(), data.end(), wanted.begin() + 200 * kBlock);
    }
    ASSERT_TRUE(on.read(*to, 0, all));
    EXPECT_EQ(all, wanted);
    // What is shared is not when either is written.
    ASSERT_TRUE(on.write(*from, 100, pattern(kBlock, 3)));
    ASSERT_TRUE(on.read(*to, 0, all));
    EXPECT_EQ(all, wanted);
    EXPECT_TRUE(on.flush(*to));
}

TEST(FileCopy, IsMadeByTheKernelWhereNothingCanBeShared) {
    const ScratchDirectory directory;
    {
        // A probe of two small files: what the file system here can do.
        const auto probe = [&](const std::string& name) {
            std::ofstream(directory / name) << std::string(kBlock, 'x');
            return reactor::FileDescriptor{::open((directory / name).c_str(), O_RDWR | O_CLOEXEC)};
        };
        const auto a = probe("a");
        const auto b = probe("b");
        const FileCopy copy = copy_between_files(
            {.from = a.get(), .to = b.get(), .from_offset = 0, .to_offset = 0, .bytes = kBlock}, true);
        if (copy.path != CopyPath::copied) {
            GTEST_SKIP() << "the file system of " << directory.path() << " shares space, or copies nothing";
        }
    }
    copy_and_look(directory / "from.img", directory / "to.img", false, CopyPath::copied);
}

TEST(FileCopy, IsNotMadePastThePageCache) {
    const ScratchDirectory directory;
    const Xfs sharing;
    copy_and_look(directory / "from.img", directory / "to.img", true, CopyPath::none);
    if (sharing) {
        copy_and_look(sharing / "from.img", sharing / "to.img", true, CopyPath::cloned);
    }
}

TEST(FileCopy, SharesSpaceWhereTheFileSystemCan) {
    const Xfs sharing;
    if (!sharing) {
        GTEST_SKIP() << "no XFS can be made and mounted here";
    }
    copy_and_look(sharing / "from.img", sharing / "to.img", false, CopyPath::cloned);
    OnReactor on;
    const auto disk = open_or_fail(config_of(sharing / "alone.img"));
    ASSERT_TRUE(on.write(*disk, 0, pattern(4 * kMiB, 4), Durability::durable));
    EXPECT_EQ(on.copy(*disk, 2048, *disk, 0, 4 * kMiB), CopyPath::cloned) << "within one file";
    Bytes read(4 * kMiB);
    ASSERT_TRUE(on.read(*disk, 2048, read));
    EXPECT_EQ(read, pattern(4 * kMiB, 4));
}

TEST(FileCopy, LeavesToOthersWhatItCannotDo) {
    const ScratchDirectory directory;
    OnReactor on;
    const auto file = open_or_fail(config_of(directory / "disk.img"));
    const auto memory =
        open_or_fail({.handler = Handler::ram, .size_bytes = 16 * kMiB, .block_size = kBlock});
    EXPECT_EQ(on.copy(*file, 0, *memory, 0, kMiB), CopyPath::none);
    EXPECT_EQ(on.copy(*memory, 0, *file, 0, kMiB), CopyPath::none);
    EXPECT_EQ(on.copy(*file, 10, *file, 0, kMiB), CopyPath::none) << "the ranges overlap";
    const auto other = open_or_fail(config_of(directory / "other.img"));
    std::filesystem::remove(directory / "other.img");
    EXPECT_FALSE(on.flush(*other));
    EXPECT_EQ(on.copy(*file, 0, *other, 0, kMiB), CopyPath::none) << "the source is away";
    EXPECT_EQ(on.copy(*other, 0, *file, 0, kMiB), CopyPath::none);
}

TEST(FileCopy, FindsNoSpace) {
    const ScratchDirectory directory;
    if (::mount("none", directory.path().c_str(), "tmpfs", 0, "size=6m") != 0) {
        GTEST_SKIP() << "cannot mount a small tmpfs";
    }
    {
        OnReactor on;
        const auto from = open_or_fail(config_of(directory / "from.img"));
        const auto to = open_or_fail(config_of(directory / "to.img"));
        EXPECT_TRUE(on.write(*from, 0, pattern(4 * kMiB, 5)));
        EXPECT_EQ(on.copy(*to, 0, *from, 0, 4 * kMiB), failure(IoError::no_space, 0));
    }
    ::umount2(directory.path().c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace targe::device
