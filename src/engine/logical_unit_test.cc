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

TEST(TestUnitReady, TellsThatTheStoreIsAway) {
    Scene scene;
    const auto host = scene.login();
    scene.disk->away = true;
    EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0})).sense_code(), 0x020400U);
    scene.disk->away = false;
    EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x00);
}

TEST(StopUnit, LetsCommandsGoOnWhileTheCacheIsFlushed) {
    Scene scene{{.cores = 2, .removable = true}};
    const auto host = scene.login(0);
    const auto other = scene.login(1);
    scene.disk->pace = testing::Pace::on_request;
    testing::Task& eject = host->send(cdb({0x1b, 0, 0, 0, 2, 0}));
    scene.world.run();
    ASSERT_EQ(scene.disk->flushes, 1U);
    EXPECT_EQ(other->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x00) << "the store may hang";
    testing::Task& write = other->send(testing::cdb10(0x2a, 0, 1), 0, testing::filled(512, 1));
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(scene.disk->flushes, 1U);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(write.status, 0x00);
    EXPECT_FALSE(eject.ended);
    EXPECT_EQ(scene.disk->flushes, 2U) << "of what was written meanwhile";
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(eject.status, 0x00);
    EXPECT_EQ(other->run(cdb({0, 0, 0, 0, 0, 0})).sense_code(), 0x023a00U);
}

}  // namespace
}  // namespace targe::engine
