// What happens to a unit as a whole.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::cdb;
using testing::Scene;

TEST(Refresh, LetsCommandsGoOnWhileTheStoreIsLookedAt) {
    Scene scene{{.cores = 2}};
    const auto host = scene.login(1);
    scene.disk->pace = testing::Pace::on_request;
    int answers = 0;
    scene.unit->refresh([&](bool ok) { answers += ok ? 1 : 0; });
    scene.world.run();
    ASSERT_EQ(scene.disk->pending(), 1U);
    scene.unit->refresh([&](bool ok) { answers += ok ? 1 : 0; });
    scene.unit->refresh([&](bool ok) { answers += ok ? 1 : 0; });
    scene.world.run();
    EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x00) << "the store may hang";
    EXPECT_EQ(scene.disk->pending(), 1U);
    scene.disk->resize(4096);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(answers, 1);
    EXPECT_EQ(host->next_attention(), 0x062a09U);
    ASSERT_EQ(scene.disk->pending(), 1U) << "one look for both, since the store may have changed";
    scene.disk->fail = device::IoError::gone;
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(answers, 1);
    EXPECT_EQ(host->next_attention(), 0U);
}

}  // namespace
}  // namespace targe::engine
