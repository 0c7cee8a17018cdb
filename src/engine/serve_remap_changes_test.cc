// Commands that the unit's device leaves to the engine, when they are aborted or the unit's state changes.
#include "engine/testing/remapping_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace targe::engine {
namespace {

using testing::cdb;
using testing::filled;
using testing::Initiator;
using testing::kKeptElsewhere;
using testing::kRemapBlock;
using testing::kRemapBlocks;
using testing::kRemapping;
using testing::Remaps;
using testing::Task;

constexpr unsigned kRead16 = 0x88;

TEST_F(Remaps, AreAbortedWithAllThatTheyHaveMade) {
    const Task& aborted = begin_write_same();
    host_->begin(TaskFunction::logical_unit_reset);
    world_.run();
    EXPECT_TRUE(std::ranges::all_of(disk_->requests, &device::ServerRequest::aborted));
    EXPECT_TRUE(host_->answered.empty()) << "they may still write";
    let_go();
    EXPECT_TRUE(aborted.was_dropped);
    EXPECT_EQ(host_->answered.size(), 1U);
    EXPECT_EQ(disk_->opcodes.size(), 8U) << "no more were made";
}

TEST_F(Remaps, WriteNothingMoreThatTheyHaveReadOnceAborted) {
    remaps({{.lba = 4000, .blocks = 4000, .source = 0}});
    disk_->keeps = true;
    const Task& aborted = host_->send(cdb({kRemapping, 0, 0, 0, 0, 0}));
    world_.run();
    host_->begin(TaskFunction::abort_task, 0, aborted.tag.value);
    let_go();
    EXPECT_TRUE(aborted.was_dropped);
    EXPECT_EQ(disk_->opcodes, std::vector<unsigned>(8, kRead16));
}

TEST_F(Remaps, LetTheStateOfTheUnitChangeBetweenTheirPieces) {
    const Task& written = begin_write_same();
    const Task& reserved = host_->send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    EXPECT_FALSE(reserved.ended) << "pieces are under way";
    let_go();
    EXPECT_EQ(reserved.status, 0x00);
    EXPECT_EQ(disk_->made_before_reservation, 8U);
    EXPECT_EQ(written.status, 0x00);
    EXPECT_TRUE(disk_->well_made);
    EXPECT_EQ(disk_->bytes, filled(kRemapBlocks * kRemapBlock, 7));
}

TEST_F(Remaps, EndWhereAReservationKeepsThemOut) {
    Initiator other(world_, engine_, *target_, world_.core(0), "other");
    other.clear_attentions();
    const Task& written = begin_write_same();
    const Task& reserved = other.send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    let_go();
    EXPECT_EQ(reserved.status, 0x00);
    EXPECT_EQ(written.status, 0x18);
    EXPECT_EQ(disk_->opcodes.size(), 8U) << "nothing of it came after the reservation";
    EXPECT_TRUE(disk_->well_made);
}

TEST_F(Remaps, EndWhereTheUnitHasBecomeWriteProtected) {
    const Task& written = begin_write_same();
    LunMaps maps = target_->latest_maps();
    maps.luns[0].read_only = true;
    target_->set_maps(std::make_shared<const LunMaps>(std::move(maps)));
    host_->send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    let_go();
    EXPECT_EQ(written.sense_code(), 0x072700U);
    EXPECT_EQ(disk_->opcodes.size(), 8U);
}

TEST_F(Remaps, AreAbortedAtOnceWhileTheyWaitForAChangeOfState) {
    Initiator other(world_, engine_, *target_, world_.core(1), "other");
    other.clear_attentions();
    const Task& slow = other.send(cdb({kKeptElsewhere, 0, 0, 0, 0, 0}));
    const Task& aborted = begin_write_same();
    const Task& reserved = other.send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    let_go();
    EXPECT_FALSE(aborted.ended);
    EXPECT_EQ(disk_->opcodes.size(), 8U) << "its lane is closed";
    host_->begin(TaskFunction::abort_task, 0, aborted.tag.value);
    world_.run();
    EXPECT_TRUE(aborted.was_dropped);
    EXPECT_EQ(host_->answered.size(), 1U);
    EXPECT_FALSE(reserved.ended) << "it waits for the other core";
    disk_->end_elsewhere();
    world_.run();
    EXPECT_EQ(slow.status, 0x00);
    EXPECT_EQ(reserved.status, 0x00);
}

TEST_F(Remaps, EndWhereTheUnitHangsWhileTheyWaitForAChangeOfState) {
    Initiator other(world_, engine_, *target_, world_.core(1), "other");
    other.clear_attentions();
    const Task& slow = other.send(cdb({kKeptElsewhere, 0, 0, 0, 0, 0}));
    const Task& cut_short = begin_write_same();
    other.send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    let_go();
    EXPECT_FALSE(cut_short.ended);
    other.begin(TaskFunction::abort_task, 0, slow.tag.value);
    world_.advance(Limits{}.task_management_deadline);
    EXPECT_EQ(cut_short.sense_code(), 0x0b4400U) << "a part of it has been done";
    EXPECT_EQ(disk_->opcodes.size(), 8U);
    disk_->end_elsewhere();
    world_.run();
}

}  // namespace
}  // namespace targe::engine
