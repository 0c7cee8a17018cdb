// What is made durable of the state directory, and when.
#include "admin/state_directory.h"
#include "admin/testing/seen_syncs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace targe::admin {
namespace {

using Seen = std::vector<std::string>;

TEST(PosixFiles, KeepStateDurably) {
    const std::filesystem::path above =
        std::filesystem::temp_directory_path() / ("targe-state-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directory(above);
    {
        testing::SeenSyncs syncs;
        auto state = StateDirectory::open((above / "a" / "state").string());
        ASSERT_TRUE(state);
        EXPECT_EQ(syncs.take(), (Seen{"sync " + above.filename().string(), "sync a"})) << "their names";
        EXPECT_TRUE(state->store("identities", "x"));
        EXPECT_EQ(syncs.take(), (Seen{"sync identities.new", "rename to identities", "sync state"}));
    }
    std::filesystem::remove_all(above);
}

}  // namespace
}  // namespace targe::admin
