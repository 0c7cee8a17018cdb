// One unit that a nexus knows by two LUNs: what ends the tasks of one leaves those of the other alone.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>

namespace targe::engine {
namespace {

using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

struct TwoLuns : ::testing::Test {
    TwoLuns() {
        see({0, 1});
        host->clear_attentions(0);
        host->clear_attentions(1);
    }

    /// Of the unit.
    void see(std::initializer_list<std::uint16_t> luns) {
        LunMaps maps;
        for (const std::uint16_t lun : luns) {
            maps.luns.push_back({.lun = lun, .unit = scene.unit});
        }
        scene.target->set_maps(std::make_shared<const LunMaps>(std::move(maps)));
        scene.world.run();
    }
    Task& read(std::uint16_t lun) { return host->send(cdb10(0x28, 8 + lun, 1), 512, {}, lun); }
    Task& write(std::uint16_t lun) { return host->send(cdb10(0x2a, lun, 1), 0, filled(512, 1), lun); }

    Scene scene;
    std::unique_ptr<Initiator> host = scene.login();
};

TEST_F(TwoLuns, OneLeavesTheLunMap) {
    scene.disk->pace = Pace::on_request;
    const Task& gone = read(0);
    const Task& stays = read(1);
    see({1});
    scene.world.advance(std::chrono::seconds{4});
    EXPECT_TRUE(gone.ended && !stays.ended);
    scene.complete_all();
    EXPECT_TRUE(stays.ended && !stays.was_dropped);
    EXPECT_EQ(stays.status, 0);
}

TEST_F(TwoLuns, TheTaskSetOfOneIsAborted) {
    scene.disk->pace = Pace::on_request;
    const Task& gone = write(0);
    const Task& stays = write(1);
    host->begin(TaskFunction::abort_task_set, 0);
    scene.complete_all();
    EXPECT_EQ(host->answered.size(), 1U);
    EXPECT_TRUE(gone.was_dropped);
    EXPECT_TRUE(stays.ended && !stays.was_dropped);
}

TEST_F(TwoLuns, ATaskSetIsAbortedBesideOneThatHangs) {
    scene.disk->pace = Pace::on_request;
    write(1);
    EXPECT_EQ(host->manage(TaskFunction::abort_task_set, 0), TaskResponse::function_complete);
    scene.complete_all();
}

TEST_F(TwoLuns, AResetEndsTheTasksOfBoth) {
    scene.disk->pace = Pace::on_request;
    const Task& one = write(0);
    const Task& other = write(1);
    host->begin(TaskFunction::logical_unit_reset, 0);
    scene.complete_all();
    EXPECT_EQ(host->answered.size(), 1U);
    EXPECT_TRUE(one.was_dropped && other.was_dropped);
}

TEST_F(TwoLuns, AResetAwaitsTheTasksOfOneThatLeftTheLunMap) {
    scene.disk->pace = Pace::on_request;
    write(0);
    see({1});
    host->begin(TaskFunction::i_t_nexus_reset);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty()) << "the device still writes";
    scene.complete_all();
    EXPECT_EQ(host->answered.size(), 1U);
}

}  // namespace
}  // namespace targe::engine
