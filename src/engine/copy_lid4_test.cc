// EXTENDED COPY(LID4): in the foreground and in the background, and COPY OPERATION ABORT.
#include "engine/copy_manager.h"
#include "engine/testing/copies.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::BlockSegment;
using testing::ByteVector;
using testing::Copies;
using testing::copy_cdb;
using testing::Pace;
using testing::SceneOptions;
using testing::Task;

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint32_t kInvalidInCdb = 0x052400;
constexpr std::size_t kStatus = 5;
constexpr std::byte kCompleted{0x01};
constexpr std::byte kFailed{0x02};
constexpr std::byte kForeground{0x11};
constexpr std::byte kBackground{0x12};
constexpr std::byte kTerminated{0x60};

using Lid4 = Copies;

TEST_F(Lid4, CopiesAndTellsSo) {
    fill(*disk0, 0, 8);
    EXPECT_EQ(copy4(*host, between4(0x01020304, {.destination = 1, .blocks = 8})).status, kGood);
    EXPECT_TRUE(holds(*disk1, 0, 0, 8));
    const ByteVector told = status4(*host, 0x01020304);
    ASSERT_EQ(told.size(), 32U);
    EXPECT_EQ(told[3], std::byte{28});
    EXPECT_EQ(told[4], std::byte{1});
    EXPECT_EQ(told[kStatus], kCompleted);
    EXPECT_EQ(told[22], std::byte{0x10});
    EXPECT_EQ(told[25], std::byte{1});
}

TEST_F(Lid4, HasIdentifiersOfItsOwn) {
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8})).status, kGood);
    EXPECT_EQ(host->run(copy_cdb(0x84, 5, 255, 8), 255).sense_code(), kInvalidInCdb);
    ByteVector asks = copy_cdb(0x84, 0, 64);
    asks[2] = std::byte{7};
    EXPECT_EQ(host->run(asks, 64).sense_code(), kInvalidInCdb);
}

TEST_F(Lid4, GoesOnInTheBackground) {
    disk0->pace = Pace::on_request;
    fill(*disk0, 0, 8);
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8}, true)).status, kGood);
    EXPECT_EQ(status4(*host, 7)[kStatus], kBackground);
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(status4(*host, 7)[kStatus], kCompleted);
    EXPECT_TRUE(holds(*disk1, 0, 0, 8));
}

TEST_F(Lid4, TellsInTheBackgroundWhyItFailed) {
    EXPECT_EQ(copy4(*host, between4(7, {.source = 3, .blocks = 8}, true)).status, kGood);
    scene.world.run();
    const ByteVector told = status4(*host, 7);
    ASSERT_EQ(told.size(), 32U + 18U);
    EXPECT_EQ(told[kStatus], kFailed);
    EXPECT_EQ(told[12], std::byte{2});
    EXPECT_EQ(told[13], std::byte{18});
    EXPECT_EQ(told[34], std::byte{0x0a});
}

TEST_F(Lid4, EndsWhenItIsAborted) {
    disk0->pace = Pace::on_request;
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8}, true)).status, kGood);
    Task& abort = host->send(copy_cdb(0x83, 0x1c, 0, 7));
    scene.world.run();
    EXPECT_FALSE(abort.ended);
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(abort.status, kGood);
    EXPECT_EQ(status4(*host, 7)[kStatus], kTerminated);
    EXPECT_EQ(disk1->writes_begun, 0U);
    EXPECT_EQ(host->run(copy_cdb(0x83, 0x1c, 0, 7)).status, kGood);
    EXPECT_EQ(host->run(copy_cdb(0x83, 0x1c, 0, 9)).sense_code(), kInvalidInCdb);
}

TEST_F(Lid4, EndsInTheForegroundWhenItIsAborted) {
    disk0->pace = Pace::on_request;
    const ByteVector list = between4(7, {.destination = 1, .blocks = 8});
    Task& task = host->send(copy_cdb(0x83, 1, list.size()), 0, list);
    scene.world.run();
    EXPECT_EQ(status4(*host, 7)[kStatus], kForeground);
    Task& abort = host->send(copy_cdb(0x83, 0x1c, 0, 7));
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(task.sense_code(), 0x0a0000U);
    EXPECT_EQ(abort.status, kGood);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Lid4, KeepsNobodyFromAUnitWhileItsAbortWaitsForAnother) {
    disk1->pace = Pace::on_request;
    fill(*disk0, 0, 8);
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8}, true)).status, kGood);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U) << "the other unit hangs";
    const auto other = scene.login();
    Task& abort = host->send(copy_cdb(0x83, 0x1c, 0, 7));
    Task& reserve = other->send(testing::cdb({0x16, 0, 0, 0, 0, 0}));
    Task& probe = other->send(testing::cdb({0, 0, 0, 0, 0, 0}));
    scene.world.run();
    EXPECT_FALSE(abort.ended);
    EXPECT_TRUE(reserve.ended);
    EXPECT_TRUE(probe.ended);
    disk1->complete_one();
    scene.world.run();
    EXPECT_EQ(abort.status, kGood);
}

TEST_F(Lid4, OutlivesTheEndOfOtherTasksButNotAReset) {
    disk0->pace = Pace::on_request;
    const ByteVector twice =
        testing::lid4_list(7, {testing::cscd(testing::named(0)), testing::cscd(testing::named(1))},
                           {testing::segment({.destination = 1, .blocks = 8}),
                            testing::segment({.destination = 1, .blocks = 8})},
                           true);
    EXPECT_EQ(copy4(*host, twice).status, kGood);
    EXPECT_EQ(host->manage(TaskFunction::abort_task_set), TaskResponse::function_complete);
    EXPECT_EQ(status4(*host, 7)[kStatus], kBackground);
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.run();
    EXPECT_TRUE(host->answered.size() == 1U);
    disk0->complete_one();
    scene.world.run();
    EXPECT_EQ(host->answered.size(), 2U);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Lid4, EndsWithItsNexusInTheBackgroundToo) {
    disk0->pace = Pace::on_request;
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8}, true)).status, kGood);
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    disk0->complete_one();
    scene.world.run();
    EXPECT_TRUE(closed);
    EXPECT_EQ(disk1->writes_begun, 0U);
}

TEST_F(Lid4, KeepsNobodyFromAUnitWhenItsNexusIsLostAndAnotherUnitHangs) {
    disk1->pace = Pace::on_request;
    EXPECT_EQ(copy4(*host, between4(7, {.destination = 1, .blocks = 8}, true)).status, kGood);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    const auto other = scene.login();
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    EXPECT_EQ(other->run(testing::cdb({0x16, 0, 0, 0, 0, 0})).status, kGood);
    EXPECT_EQ(other->run(testing::cdb({0, 0, 0, 0, 0, 0})).status, kGood);
    disk1->complete_one();
    scene.world.run();
    EXPECT_TRUE(closed);
}

TEST_F(Lid4, TakesOnAsManyAsItSays) {
    disk0->pace = Pace::on_request;
    for (std::uint32_t id = 0; id < 16; ++id) {
        EXPECT_EQ(copy4(*host, between4(id, {.destination = 1, .blocks = 8}, true)).status, kGood);
    }
    EXPECT_EQ(copy4(*host, between4(16, {.destination = 1, .blocks = 8}, true)).sense_code(), 0x055503U);
    while (disk0->pending() > 0) {
        disk0->complete_one();
        scene.world.run();
    }
    EXPECT_EQ(copy4(*host, between4(16, {.destination = 1, .blocks = 8}, true)).status, kGood);
    disk0->complete_one();
    scene.world.run();
}

TEST_F(Lid4, RefusesWhatNobodyCouldAskAbout) {
    const ByteVector list = testing::lid4_list(0, {testing::cscd(testing::named(0))}, {}, true, 3);
    EXPECT_EQ(copy4(*host, list).sense_code(), 0x052600U);
}

}  // namespace
}  // namespace targe::engine
