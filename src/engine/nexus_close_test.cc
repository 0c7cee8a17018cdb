// A nexus that ends while a device holds on to its commands.
#include "engine/testing/copies.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::Copies;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

const ByteVector kReady = cdb({0, 0, 0, 0, 0, 0});

struct CloseOfANexus : ::testing::Test {
    Scene scene{{.cores = 2}};
    std::unique_ptr<Initiator> host;
    bool closed = false;
    bool overdue = false;

    void SetUp() override {
        LunMaps maps = scene.target->latest_maps();
        maps.luns.push_back({.lun = 1, .unit = scene.add_unit("disk1")});
        scene.target->set_maps(std::make_shared<const LunMaps>(maps));
        scene.world.run();
        host = log_in(0);
        host->clear_attentions();
        scene.disk->pace = Pace::on_request;
    }
    void begin_close() {
        host->begin_close([this] { closed = true; }, [this] { overdue = true; });
        scene.world.run();
    }
    std::unique_ptr<Initiator> log_in(std::size_t core) {
        return std::make_unique<Initiator>(scene.world, scene.engine, *scene.target, scene.world.core(core),
                                           "iqn.2026-11.test:host");
    }
    std::unique_ptr<Initiator> come_back() {
        auto again = log_in(1);
        again->clear_attentions(1);
        return again;
    }
    void let_go() {
        while (scene.disk->pending() > 0) {
            scene.disk->complete_one();
        }
        scene.world.run();
    }
};

TEST_F(CloseOfANexus, ThatADeviceHoldsUpLetsItsSuccessorUseTheOtherUnits) {
    const Task& held = host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    begin_close();
    scene.world.advance(std::chrono::seconds{89});
    EXPECT_FALSE(overdue);
    scene.world.advance(std::chrono::seconds{2});
    EXPECT_TRUE(overdue);
    EXPECT_FALSE(closed);
    const auto again = come_back();
    EXPECT_EQ(again->run(kReady, 0, {}, 1).status, 0x00);
    EXPECT_EQ(again->run(kReady).status, 0x08) << "its old command may still write";
    EXPECT_EQ(again->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0x00) << "INQUIRY";
    EXPECT_EQ(scene.login(1)->run(kReady).status, 0x00) << "another initiator";
    let_go();
    EXPECT_TRUE(closed);
    EXPECT_TRUE(held.was_dropped);
    again->clear_attentions();
    EXPECT_EQ(again->run(kReady).status, 0x00);
}

TEST_F(CloseOfANexus, ThatADeviceHoldsUpKeepsItsReservationFromItsSuccessorToo) {
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(host->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x00);
    scene.disk->pace = Pace::on_request;
    host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    begin_close();
    scene.world.advance(std::chrono::seconds{91});
    const auto again = come_back();
    EXPECT_EQ(again->run(kReady).status, 0x08);
    let_go();
    EXPECT_TRUE(closed);
    again->clear_attentions();
    EXPECT_EQ(again->run(kReady).status, 0x00) << "the reservation went with its holder";
}

TEST_F(Copies, ThatAUnitHoldsUpKeepTheSuccessorOfTheirNexusFromThatUnitAlone) {
    const auto log_in = [&] {
        return std::make_unique<Initiator>(scene.world, scene.engine, *scene.target, scene.world.core(0),
                                           "iqn.2026-11.test:host");
    };
    for (const bool from_healthy : {true, false}) {
        SCOPED_TRACE(from_healthy);
        testing::SimDevice& hangs = from_healthy ? *disk1 : *disk0;
        const std::uint16_t healthy = from_healthy ? 0 : 5;
        auto copier = log_in();
        copier->clear_attentions();
        copier->clear_attentions(5);
        hangs.pace = Pace::on_request;
        begin(*copier, between(1, {.destination = 1, .blocks = 8}), healthy);
        scene.world.run();
        ASSERT_EQ(hangs.pending(), 1U);
        bool closed = false;
        copier->begin_close([&] { closed = true; });
        scene.world.advance(std::chrono::seconds{91});
        const auto again = log_in();
        again->clear_attentions(healthy);
        EXPECT_EQ(again->run(kReady, 0, {}, healthy).status, 0x00);
        EXPECT_EQ(again->run(kReady, 0, {}, 5 - healthy).status, 0x08) << "the copy may still come there";
        hangs.complete_one();
        scene.world.run();
        EXPECT_TRUE(closed);
        again->clear_attentions(5 - healthy);
        EXPECT_EQ(again->run(kReady, 0, {}, 5 - healthy).status, 0x00);
        hangs.pace = Pace::at_once;
    }
}

TEST_F(CloseOfANexus, ThatIsDoneInTimeQuarantinesNothing) {
    host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    begin_close();
    let_go();
    EXPECT_TRUE(closed);
    scene.world.advance(std::chrono::seconds{120});
    EXPECT_FALSE(overdue);
    const auto again = come_back();
    again->clear_attentions();
    EXPECT_EQ(again->run(kReady).status, 0x00);
}

}  // namespace
}  // namespace targe::engine
