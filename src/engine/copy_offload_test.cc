// Copies that a device makes by itself, where it can.
#include "engine/logical_unit.h"
#include "engine/testing/copies.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

struct Offloaded : Copies {
    explicit Offloaded(SceneOptions options = {.blocks = 65536}) : Copies(options) {
        disk0->copies = disk1->copies = true;
    }
    std::uint64_t offloaded_bytes() { return second->lane(scene.world.core(0)).counters().offloaded_bytes; }
    std::uint64_t copied_bytes() { return second->lane(scene.world.core(0)).counters().copied_bytes; }
};

TEST_F(Offloaded, ReadAndWriteNothingThemselves) {
    fill(*disk0, 100, 3000);
    EXPECT_EQ(
        copy(*host, between(1, {.destination = 1, .blocks = 3000, .source_lba = 100, .destination_lba = 7}))
            .status,
        0);
    EXPECT_TRUE(holds(*disk1, 7, 100, 3000));
    EXPECT_EQ(disk0->reads, 0U);
    EXPECT_EQ(disk1->copies_asked, 1U);
    EXPECT_EQ(offloaded_bytes(), 3000U * 512);
    EXPECT_EQ(copied_bytes(), 3000U * 512);
}

TEST_F(Offloaded, AreMadeInPieces) {
    fill(*disk0, 0, 40000);
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 40000})).status, 0);
    EXPECT_TRUE(holds(*disk1, 0, 0, 40000));
    EXPECT_EQ(disk1->copies_asked, 2U) << "16 MiB, and the rest";
}

TEST_F(Offloaded, AreMovedWhereTheDeviceCannot) {
    disk1->copies = false;
    fill(*disk0, 0, 8000);
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 8000})).status, 0);
    EXPECT_TRUE(holds(*disk1, 0, 0, 8000));
    EXPECT_EQ(disk1->copies_asked, 1U) << "asked once for each copy";
    EXPECT_GT(disk0->reads, 0U);
    EXPECT_EQ(offloaded_bytes(), 0U);
    EXPECT_EQ(copied_bytes(), 8000U * 512);
}

TEST_F(Offloaded, AreMovedWhereRangesOfOneUnitOverlap) {
    fill(*disk0, 0, 5000);
    EXPECT_EQ(copy(*host, between(1, {.blocks = 5000, .source_lba = 0, .destination_lba = 9})).status, 0);
    EXPECT_TRUE(holds(*disk0, 9, 0, 5000));
    EXPECT_EQ(disk0->copies_asked, 0U);
    EXPECT_EQ(copy(*host, between(1, {.blocks = 5000, .source_lba = 9, .destination_lba = 20000})).status, 0);
    EXPECT_TRUE(holds(*disk0, 20000, 0, 5000));
    EXPECT_EQ(disk0->copies_asked, 1U) << "apart they do not";
}

TEST_F(Offloaded, AreDurableWhereNoCacheIsEnabled) {
    ByteVector list = cdb({0, 0, 0, 0, 0x08, 0x12});
    list.resize(24);
    ASSERT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 24, 0}), 0, list, 5).status, 0);
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 8})).status, 0);
    EXPECT_EQ(disk1->durable_writes, 1U);
}

TEST_F(Offloaded, TellOfNoSpace) {
    disk1->fail = device::IoError::no_space;
    EXPECT_EQ(copy(*host, between(1, {.destination = 1, .blocks = 8})).sense_code(), 0x0a0d01U);
    EXPECT_EQ(disk0->reads, 0U);
}

TEST_F(Offloaded, EndWithAResetOfEitherUnit) {
    for (const std::uint16_t lun : {std::uint16_t{0}, std::uint16_t{5}}) {
        disk1->pace = Pace::on_request;
        Task& task = begin(*host, between(1, {.destination = 1, .blocks = 40000}));
        scene.world.run();
        ASSERT_EQ(disk1->pending(), 1U);
        const auto other = scene.login();
        TaskManagement& reset = other->begin(TaskFunction::logical_unit_reset, lun);
        scene.world.run();
        EXPECT_EQ(other->answered.size(), lun == 0 ? 1U : 0U) << "a piece is being written";
        disk1->complete_one();
        scene.world.run();
        EXPECT_EQ(disk1->pending(), 0U) << "and no other";
        ASSERT_EQ(other->answered.size(), 1U);
        EXPECT_EQ(other->answered[0], &reset);
        EXPECT_TRUE(task.ended || task.was_dropped);
        disk1->pace = Pace::at_once;
        host->clear_attentions();
        host->clear_attentions(5);
    }
}

TEST_F(Offloaded, WaitForNobodyInsideTheSource) {
    // A range of the destination is held, and the copy is inside neither unit while it waits.
    fill(*disk0, 0, 8);
    disk1->pace = Pace::on_request;
    Task& held = host->send(cdb({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}), 0, filled(1024, 0), 5);
    scene.world.run();
    ASSERT_EQ(disk1->pending(), 1U);
    Task& task = begin(*host, between(1, {.destination = 1, .blocks = 8}));
    scene.world.run();
    const auto other = scene.login();
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0) << "a change of the source's state";
    EXPECT_EQ(other->run(cdb({0x17, 0, 0, 0, 0, 0})).status, 0);
    for (int i = 0; i < 10; ++i) {
        scene.world.run();
        if (disk1->pending() > 0) {
            disk1->complete_one();
        }
    }
    scene.world.run();
    EXPECT_EQ(held.status, 0);
    EXPECT_EQ(task.status, 0);
    EXPECT_TRUE(holds(*disk1, 0, 0, 8));
}

}  // namespace
}  // namespace targe::engine::testing
