#include "device/space_trials.h"

#include "device/open.h"
#include "device/testing_device.h"
#include "device/testing_small_file_system.h"
#include "reactor/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <tuple>

namespace targe::device {
namespace {

using testing::ScratchDirectory;
using testing::SmallFileSystem;

constexpr std::uint64_t kSize = 1U << 20U;

std::tuple<std::int64_t, std::int64_t> changed_at(const std::string& path) {
    struct stat about{};
    EXPECT_EQ(::stat(path.c_str(), &about), 0);
    return {about.st_ctim.tv_sec, about.st_ctim.tv_nsec};
}

FileSpace opened(const std::string& path, SpaceTrials& trials) {
    const auto device = open({.handler = Handler::file, .path = path, .size_bytes = kSize}, trials);
    EXPECT_TRUE(device) << device.error().text;
    const Capabilities can = (*device)->capabilities();
    return {.punches_holes = can.unmap, .allocates_zeroes = can.anchor};
}

TEST(SpaceTrials, AreMadeWithOneFileOfAFileSystem) {
    const ScratchDirectory directory;
    SpaceTrials trials;
    const FileSpace first = opened(directory / "first", trials);
    EXPECT_EQ(trials.count(), 1U);
    // Nothing is done to it but to open it.
    {
        const auto made = open({.handler = Handler::file, .path = directory / "second", .size_bytes = kSize});
    }
    const auto before = changed_at(directory / "second");
    const FileSpace second = opened(directory / "second", trials);
    EXPECT_EQ(trials.count(), 1U);
    EXPECT_EQ(changed_at(directory / "second"), before);
    SpaceTrials of_its_own;
    EXPECT_EQ(opened(directory / "second", of_its_own), second);
    EXPECT_EQ(second, first);
}

TEST(SpaceTrials, SayOfEachFileSystemWhatItCan) {
    const ScratchDirectory directory;
    const SmallFileSystem other("size=4M");
    if (!other) {
        GTEST_SKIP() << other.why_not();
    }
    SpaceTrials trials;
    static_cast<void>(opened(directory / "disk", trials));
    const FileSpace in_memory = opened(other / "disk", trials);
    EXPECT_EQ(trials.count(), 2U);
    SpaceTrials of_its_own;
    EXPECT_EQ(opened(other / "disk", of_its_own), in_memory);
}

TEST(SpaceTrials, AreMadeWithEachFileThatAServerKeeps) {
    const ScratchDirectory directory;
    SpaceTrials trials;
    for (const char* const name : {"first", "second"}) {
        const reactor::FileDescriptor file{::open((directory / name).c_str(), O_RDWR | O_CREAT, 0600)};
        ASSERT_TRUE(file);
        static_cast<void>(trials.space_of(file.get(), 0, false));
    }
    EXPECT_EQ(trials.count(), 2U);
}

TEST(SpaceTrials, ThatSayNothingOfOtherFilesAreMadeAgain) {
    const ScratchDirectory directory;
    SpaceTrials trials;
    {
        const reactor::FileDescriptor unwritable{
            ::open((directory / "first").c_str(), O_RDONLY | O_CREAT, 0600)};
        ASSERT_TRUE(unwritable);
        EXPECT_EQ(trials.space_of(unwritable.get(), 0, true), FileSpace{});
    }
    const reactor::FileDescriptor file{::open((directory / "second").c_str(), O_RDWR | O_CREAT, 0600)};
    ASSERT_TRUE(file);
    const FileSpace found = trials.space_of(file.get(), 0, true);
    EXPECT_EQ(trials.count(), 2U);
    SpaceTrials of_its_own;
    EXPECT_EQ(of_its_own.space_of(file.get(), 0, true), found);
}

}  // namespace
}  // namespace targe::device
