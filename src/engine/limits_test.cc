// What bounds the commands and the buffers of a nexus and of a unit, and what one too many is told.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Scene;
using testing::Task;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kBusy = 0x08;
constexpr std::uint8_t kTaskSetFull = 0x28;

TEST(Limits, MoreCommandsThanAllowedMeetTaskSetFull) {
    Scene scene{{.limits = {.commands_per_nexus_and_unit = 4}}};
    const auto host = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(host->send(cdb10(0x28, 0, 1), 512).ended);
    }
    EXPECT_EQ(host->send(cdb10(0x28, 0, 1), 512).status, kTaskSetFull);
    while (scene.disk->pending() > 0) {
        scene.disk->complete_one();
    }
    scene.disk->pace = testing::Pace::at_once;
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kGood);
}

TEST(Limits, OfATargetGoBeforeThoseOfTheEngine) {
    Scene scene;
    scene.target->limit_commands(1);
    const auto host = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    EXPECT_FALSE(host->send(cdb10(0x28, 0, 1), 512).ended);
    EXPECT_EQ(host->send(cdb10(0x28, 0, 1), 512).status, kTaskSetFull);
    scene.disk->complete_one();
}

TEST(Limits, OfAUnitCountTheCommandsOfEveryNexus) {
    Scene scene{{.max_commands = 2}};
    const auto host = scene.login();
    const auto other = scene.login();
    const auto third = scene.login();
    scene.disk->pace = testing::Pace::on_request;
    EXPECT_FALSE(host->send(cdb10(0x28, 0, 1), 512).ended);
    EXPECT_FALSE(other->send(cdb10(0x28, 0, 1), 512).ended);
    EXPECT_EQ(host->send(cdb10(0x28, 0, 1), 512).status, kTaskSetFull);
    EXPECT_EQ(third->send(cdb10(0x28, 0, 1), 512).status, kBusy) << "it has nothing else there";
    scene.disk->complete_one();
    scene.disk->pace = testing::Pace::at_once;
    EXPECT_EQ(third->run(cdb10(0x28, 0, 1), 512).status, kGood);
    scene.disk->complete_one();
}

TEST(Limits, OfAUnitAreSplitOverTheCores) {
    Scene scene{{.cores = 2, .max_commands = 3}};
    const auto first = scene.login(0);
    const auto second = scene.login(1);
    scene.disk->pace = testing::Pace::on_request;
    const auto taken = [&](Initiator& host) {
        int count = 0;
        while (!host.send(cdb10(0x28, 0, 1), 512).ended) {
            ++count;
        }
        return count;
    };
    EXPECT_EQ(taken(*first), 2);
    EXPECT_EQ(taken(*second), 1);
    while (scene.disk->pending() > 0) {
        scene.disk->complete_one();
    }
}

TEST(Limits, OfAUnitLeaveEveryCoreOneCommand) {
    Scene scene{{.cores = 3, .max_commands = 1}};
    const auto host = scene.login(2);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kGood);
}

TEST(Limits, NoMemoryIsBusyOrTaskSetFull) {
    Scene scene;
    const auto host = scene.login();
    scene.world.core(0).pool().set_limit(0);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kBusy);
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, kBusy);
    host->hold_responses = true;
    Task& held = host->run(cdb({0, 0, 0, 0, 0, 0}));
    host->hold_responses = false;
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kTaskSetFull);
    host->retire(held);
}

TEST(Buffers, OfOneNexusAreBounded) {
    Scene scene{{.limits = {.buffer_bytes_per_nexus = 8192}}};
    const auto host = scene.login();
    const auto other = scene.login();
    host->hold_responses = true;
    Task& read = host->run(cdb10(0x28, 0, 8), 4096);
    Task& write = host->run(cdb10(0x2a, 0, 8), 0, filled(4096, 1));
    EXPECT_EQ(read.status, kGood);
    EXPECT_EQ(write.status, kGood);
    host->hold_responses = false;
    EXPECT_EQ(host->run(cdb10(0x28, 0, 1), 512).status, kTaskSetFull);
    EXPECT_EQ(host->run(cdb10(0x2a, 0, 1), 0, filled(512, 1)).status, kTaskSetFull);
    EXPECT_EQ(host->run(cdb10(0x2f, 0, 1)).status, kTaskSetFull) << "VERIFY reads into a buffer too";
    EXPECT_EQ(other->run(cdb10(0x28, 0, 8), 4096).status, kGood);
    host->retire(write);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 8), 4096).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x2f, 0, 1)).status, kGood);
    host->retire(read);
}

TEST(Buffers, OfOneCommandAreNeverTooMany) {
    Scene scene{{.limits = {.buffer_bytes_per_nexus = 1}}};
    const auto host = scene.login();
    EXPECT_EQ(host->run(cdb10(0x28, 0, 8), 4096).status, kGood);
    EXPECT_EQ(host->run(cdb10(0x28, 0, 8), 4096).status, kGood);
}

}  // namespace
}  // namespace targe::engine
