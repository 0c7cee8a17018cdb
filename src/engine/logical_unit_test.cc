// What happens to a unit as a whole.
#include "base/core.h"
#include "engine/background.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <memory>

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

/// A change that closes lanes later than its turn comes, and a reset between.
Background change_beside_a_reset(std::shared_ptr<LogicalUnit> unit, testing::Initiator& resets) {
    Change change{unit->home()};
    co_await change.turn();
    co_await base::hop_to(unit->home().core());
    resets.begin(TaskFunction::logical_unit_reset);
    co_await change.begin();
    co_await change.commit();
}

TEST(Reset, ThatAwaitedAChangeLeavesTasksAloneThatCameLater) {
    Scene scene;
    const auto host = scene.login();
    const auto other = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    const testing::Task* write = nullptr;
    const testing::Task* reserve = nullptr;
    other->on_managed = [&](const TaskManagement& request) {
        EXPECT_EQ(request.response, TaskResponse::function_complete);
        host->send(cdb({0, 0, 0, 0, 0, 0}));  // is told of the reset
        write = &host->send(testing::cdb10(0x2a, 0, 1), 0, testing::filled(512, 1));
        reserve = &host->send(cdb({0x16, 0, 0, 0, 0, 0}));  // closes the lane behind it
    };
    scene.world.as(scene.world.core(0), [&] { change_beside_a_reset(scene.unit, *other); });
    scene.world.run();
    ASSERT_EQ(scene.disk->pending(), 1U);
    ASSERT_FALSE(reserve->ended);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_FALSE(write->was_dropped);
    EXPECT_EQ(write->status, 0x00);
    EXPECT_EQ(reserve->status, 0x00);
}

}  // namespace
}  // namespace targe::engine
