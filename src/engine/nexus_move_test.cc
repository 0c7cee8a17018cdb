// A nexus that changes its core: nothing that it has to know is lost on the way, and nothing told twice.
#include "engine/testing/persistent_reserve.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <memory>

namespace targe::engine {
namespace {

using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::reserve_out;
using testing::Scene;
using testing::Task;

/// Leaves in one turn and comes in another, as the world orders messages.
void move(Scene& scene, Initiator& host, std::size_t to) {
    host.move_to(scene.world.core(to));
    scene.world.run();
}

testing::ByteVector caching_page(bool write_cache) {
    return cdb(
        {0, 0, 0, 0, 0x08, 0x12, write_cache ? 4U : 0U, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}
testing::ByteVector mode_select() {
    return cdb({0x15, 0x10, 0, 0, 24, 0});
}

TEST(NexusMoves, CommandsGoOnOnTheOtherCore) {
    Scene scene{{.cores = 2}};
    const auto host = scene.login(0);
    EXPECT_EQ(host->run(cdb10(0x2a, 8, 1), 0, filled(512, 0x5a)).status, 0);
    move(scene, *host, 1);
    EXPECT_EQ(&host->nexus().core(), &scene.world.core(1));
    const Task& read = host->run(cdb10(0x28, 8, 1), 512);
    EXPECT_EQ(read.status, 0);
    EXPECT_EQ(read.data_received, filled(512, 0x5a));
}

TEST(NexusMoves, IsNotAtRestWhileACommandIsUnderWay) {
    Scene scene{{.cores = 2}};
    const auto host = scene.login(0);
    scene.disk->pace = testing::Pace::on_request;
    host->send(cdb10(0x28, 0, 1), 512);
    EXPECT_FALSE(host->nexus().is_at_rest());
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_TRUE(host->nexus().is_at_rest());
}

TEST(NexusMoves, IsNotAtRestUntilAFlushThatWasPromisedHasEnded) {
    Scene scene{{.cores = 2}};
    const auto host = scene.login(0);
    scene.disk->pace = testing::Pace::on_request;
    Task& flush = host->send(cdb({0x35, 2, 0, 0, 0, 0, 0, 0, 0, 0}));
    scene.world.run();
    ASSERT_TRUE(flush.ended);
    EXPECT_FALSE(host->nexus().is_at_rest());
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_TRUE(host->nexus().is_at_rest());
}

TEST(NexusMoves, KeepsItsUnitAttentions) {
    Scene scene{{.cores = 2}};
    const auto host = scene.login(0, true);
    move(scene, *host, 1);
    EXPECT_EQ(host->next_attention(), 0x062900U);
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST(NexusMoves, KeepsItsReservation) {
    Scene scene{{.cores = 2}};
    const auto holder = scene.login(0);
    const auto other = scene.login(0);
    EXPECT_EQ(holder->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0);
    move(scene, *holder, 1);
    EXPECT_EQ(holder->run(cdb10(0x28, 0, 1), 512).status, 0);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, 0x18);
    // The end of the nexus takes it away from wherever it is now.
    holder->close();
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, 0);
}

TEST(NexusMoves, StaysRegistered) {
    Scene scene{{.cores = 2}};
    const auto holder = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(reserve_out(*holder, testing::kRegister, 0, 1).status, 0);
    EXPECT_EQ(reserve_out(*holder, testing::kReserve, 1, 0, 3).status, 0);
    move(scene, *holder, 1);
    move(scene, *other, 0);
    EXPECT_EQ(holder->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, 0);
    EXPECT_EQ(other->run(cdb10(0x2a, 0, 1), 0, filled(512, 2)).status, 0x18);
}

/// Whatever order messages come in: the change is told once, and is in force.
TEST(NexusMoves, IsToldOnceOfWhatHappensOnItsWay) {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene{{.cores = 3, .seed = seed}};
        const auto actor = scene.login(seed % 3);
        const auto host = scene.login(0);
        Task& first = actor->send(mode_select(), 0, caching_page(false));
        host->move_to(scene.world.core(1 + seed % 2));
        const bool twice = seed % 4 == 0;
        Task* second = nullptr;
        if (twice) {
            second = &actor->send(mode_select(), 0, caching_page(true));
        }
        scene.world.run();
        EXPECT_EQ(first.status, 0);
        EXPECT_TRUE(second == nullptr || second->status == 0);
        EXPECT_EQ(host->next_attention(), 0x062a01U);
        EXPECT_EQ(host->next_attention(), 0U);
        EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, 0);
    }
}

TEST(NexusMoves, LooksAtEverythingAgainWhenMoreHappensThanIsKept) {
    Scene scene{{.cores = 2}};
    const auto actor = scene.login(1);
    const auto host = scene.login(0);
    host->depart();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(actor->run(mode_select(), 0, caching_page(i % 2 != 0)).status, 0);
    }
    host->arrive(scene.world.core(1));
    EXPECT_EQ(host->next_attention(), 0x062900U);
    EXPECT_EQ(host->next_attention(), 0x062a01U);
    EXPECT_EQ(host->next_attention(), 0U);
}

/// The core that it comes to may be behind the one it left, or ahead.
TEST(NexusMoves, FollowsTheLunMapOnce) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene{{.cores = 2, .seed = seed}};
        const auto second = scene.add_unit("disk1");
        const auto host = scene.login(0);
        LunMaps maps = scene.target->latest_maps();
        maps.luns.push_back({.lun = 1, .unit = second});
        scene.target->set_maps(std::make_shared<const LunMaps>(maps));
        host->move_to(scene.world.core(1));
        scene.world.run();
        EXPECT_EQ(host->next_attention(), 0x063f0eU);
        EXPECT_EQ(host->next_attention(), 0U);
        EXPECT_EQ(host->next_attention(1), 0x062900U);
        EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512, {}, 1).status, 0);
    }
}

TEST(NexusMoves, IsToldOfALunMapThatWasInForceOnItsWayAlone) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene{{.cores = 2, .seed = seed}};
        const auto second = scene.add_unit("disk1");
        const auto host = scene.login(0);
        const LunMaps before = scene.target->latest_maps();
        LunMaps maps = before;
        maps.luns.push_back({.lun = 1, .unit = second});
        scene.target->set_maps(std::make_shared<const LunMaps>(maps));
        scene.target->set_maps(std::make_shared<const LunMaps>(before));
        host->move_to(scene.world.core(1));  // leaves before it has heard of either
        scene.world.run();
        EXPECT_EQ(host->next_attention(), 0x063f0eU);
        EXPECT_EQ(host->next_attention(), 0U);
        EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512, {}, 1).sense_code(), 0x052500U);
    }
}

/// PREEMPT counts on every nexus that is logged in, those on their way too.
TEST(NexusMoves, IsPreemptedWhereverItIs) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene{{.cores = 3, .seed = seed}};
        const auto actor = scene.login(2);
        const auto victim = scene.login(0);
        EXPECT_EQ(reserve_out(*actor, testing::kRegister, 0, 1).status, 0);
        EXPECT_EQ(reserve_out(*victim, testing::kRegister, 0, 2).status, 0);
        EXPECT_EQ(reserve_out(*victim, testing::kReserve, 2, 0, 1).status, 0);
        victim->move_to(scene.world.core(1));
        EXPECT_EQ(reserve_out(*actor, testing::kPreempt, 1, 2, 1).status, 0);
        scene.world.run();
        EXPECT_EQ(victim->next_attention(), 0x062a05U);
        EXPECT_EQ(victim->next_attention(), 0U);
        EXPECT_EQ(victim->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, 0x18);
    }
}

}  // namespace
}  // namespace targe::engine
