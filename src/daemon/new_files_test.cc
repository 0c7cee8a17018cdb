// What is made durable of the files that devices have made.
#include "admin/testing/seen_syncs.h"
#include "device/open.h"
#include "device/testing_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace targe::daemon {
namespace {

using admin::testing::SeenSyncs;

device::DeviceConfig file(const std::string& path) {
    return {.handler = device::Handler::file, .path = path, .size_bytes = 1U << 20U};
}

TEST(NewFiles, AreDurableOnceEachOfTheirFoldersIs) {
    const device::testing::ScratchDirectory directory;
    std::filesystem::create_directory(directory / "first");
    std::filesystem::create_directory(directory / "second");
    const std::vector<device::DeviceConfig> configs{
        file(directory / "first/a"),
        file(directory / "first/b"),
        file(directory / "second/c"),
        {.handler = device::Handler::null, .size_bytes = 1U << 20U}};
    for (const device::DeviceConfig& config : configs) {
        EXPECT_TRUE(device::open(config));
    }
    SeenSyncs syncs;
    device::make_new_files_durable(configs);
    EXPECT_THAT(syncs.take(), ::testing::UnorderedElementsAre("sync first", "sync second"));
}

TEST(NewFiles, AreDurableWhereverTheProcessIs) {
    const std::vector<device::DeviceConfig> configs{file("a")};
    SeenSyncs syncs;
    device::make_new_files_durable(configs);
    EXPECT_THAT(syncs.take(),
                ::testing::ElementsAre("sync " + std::filesystem::current_path().filename().string()));
}

}  // namespace
}  // namespace targe::daemon
