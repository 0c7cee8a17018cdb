// Copies that are aborted while another unit than the one that was asked for them holds them up.
#include "engine/testing/copies.h"
#include "engine/testing/persistent_reserve.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::Copies;
using testing::filled;
using testing::Pace;
using testing::Task;

constexpr std::uint8_t kGood = 0x00;

/// Asked of the first unit, and held up in a write to the second, to its blocks 0 to 7.
struct CopiesHeldUpElsewhere : Copies {
    explicit CopiesHeldUpElsewhere(bool offloaded = false, std::uint16_t asked = 0) : Copies({.cores = 2}) {
        disk0->copies = disk1->copies = offloaded;
        other = scene.login(1);
        other->clear_attentions(5);
        fill(*disk0, 0, 8);
        disk1->pace = Pace::on_request;
        task = &begin(*host, twice(), asked);
        scene.world.run();
        EXPECT_EQ(disk1->pending(), 1U);
        EXPECT_EQ(disk1->writes_begun, 1U);
    }
    bool is_ready(testing::Initiator& who, std::uint16_t lun) {
        who.clear_attentions(lun);
        return who.run(cdb({0, 0, 0, 0, 0, 0}), 0, {}, lun).status == kGood;
    }
    void let_go() {
        disk1->pace = Pace::at_once;
        while (disk1->pending() > 0) {
            disk1->complete_one();
            scene.world.run();
        }
    }

    std::unique_ptr<testing::Initiator> other;
    Task* task = nullptr;
};

TEST_F(CopiesHeldUpElsewhere, KeepNoResetWaitingOfTheUnitThatWasAsked) {
    for (const bool own : {false, true}) {
        testing::Initiator& who = own ? *host : *other;
        const std::size_t before = who.answered.size();
        auto& function = who.begin(TaskFunction::logical_unit_reset, 0);
        scene.world.run();
        ASSERT_EQ(who.answered.size(), before + 1);
        EXPECT_EQ(function.response, TaskResponse::function_complete);
        EXPECT_TRUE(task->was_dropped) << "its tag is free again";
        EXPECT_TRUE(is_ready(*host, 0) && is_ready(*other, 0));
        let_go();
        EXPECT_EQ(disk1->writes_begun, 1U) << "it goes nowhere any more";
        disk1->writes_begun = 0;
        disk1->pace = Pace::on_request;
        host->clear_attentions(0);
        task = &begin(*host, twice());
        scene.world.run();
    }
    let_go();
    EXPECT_EQ(task->status, kGood);
}

TEST_F(CopiesHeldUpElsewhere, KeepNoPreemptAndAbortWaiting) {
    const auto reserve_out = [](testing::Initiator& who, unsigned action, unsigned key,
                                unsigned victim) -> Task& {
        return who.run(testing::out_cdb(action, testing::kWriteExclusive), 0,
                       testing::out_list(key, victim, 0));
    };
    EXPECT_EQ(reserve_out(*other, testing::kRegister, 0, 1).status, kGood);
    EXPECT_EQ(reserve_out(*host, testing::kRegister, 0, 2).status, kGood);
    const Task& fence = reserve_out(*other, testing::kPreemptAndAbort, 1, 2);
    EXPECT_TRUE(fence.ended);
    EXPECT_EQ(fence.status, kGood);
    EXPECT_TRUE(is_ready(*other, 0));
    let_go();
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(CopiesHeldUpElsewhere, EndByAbortTask) {
    auto& function = host->begin(TaskFunction::abort_task, 0, task->tag.value);
    scene.world.run();
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_TRUE(task->was_dropped);
    let_go();
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(CopiesHeldUpElsewhere, OvertakeNothingThatBeginsAfterTheyWereAborted) {
    other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    ASSERT_EQ(other->answered.size(), 1U);
    Task& same = other->send(cdb10(0x2a, 7, 1), 0, filled(512, 1), 5);
    Task& read = host->send(cdb10(0x28, 0, 1), 512, {}, 5);
    Task& beside = other->send(cdb10(0x2a, 8, 1), 0, filled(512, 2), 5);
    scene.world.run();
    EXPECT_EQ(disk1->writes_begun, 2U);
    let_go();
    EXPECT_TRUE(same.ended && read.ended && beside.ended);
    EXPECT_TRUE(holds(*disk1, 0, 0, 7));
    EXPECT_EQ(disk1->block(7)[0], std::byte{1}) << "what came last";
    EXPECT_EQ(other->run(cdb10(0x2a, 7, 1), 0, filled(512, 3), 5).status, kGood)
        << "nothing is held any more";
}

TEST_F(CopiesHeldUpElsewhere, LeaveTheUnitThatHangsToItsOwnReset) {
    other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    other->begin(TaskFunction::logical_unit_reset, 5);
    scene.world.run();
    EXPECT_EQ(other->answered.size(), 1U) << "there the piece is under way";
    let_go();
    EXPECT_EQ(other->answered.size(), 2U);
}

TEST_F(CopiesHeldUpElsewhere, EndWithTheirNexusAllTheSame) {
    other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    let_go();
    EXPECT_TRUE(closed);
}

/// The same, where a device reads the first unit and writes the second by itself: inside both at once.
struct OffloadsHeldUpElsewhere : CopiesHeldUpElsewhere {
    explicit OffloadsHeldUpElsewhere(std::uint16_t asked = 0) : CopiesHeldUpElsewhere(true, asked) {}
};

TEST_F(OffloadsHeldUpElsewhere, KeepNoResetWaitingOfTheUnitThatWasAsked) {
    auto& function = other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    ASSERT_EQ(other->answered.size(), 1U);
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_TRUE(task->was_dropped) << "its tag is free again";
    EXPECT_TRUE(is_ready(*host, 0) && is_ready(*other, 0));
    let_go();
    EXPECT_EQ(disk1->writes_begun, 1U) << "it goes nowhere any more";
    EXPECT_EQ(disk0->reads, 0U);
    EXPECT_EQ(copy(*host, twice()).status, kGood);
}

TEST_F(OffloadsHeldUpElsewhere, KeepNoPreemptAndAbortWaiting) {
    const auto reserve_out = [](testing::Initiator& who, unsigned action, unsigned key,
                                unsigned victim) -> Task& {
        return who.send(testing::out_cdb(action, testing::kWriteExclusive), 0,
                        testing::out_list(key, victim, 0));
    };
    Task& first = reserve_out(*other, testing::kRegister, 0, 1);
    scene.world.run();
    EXPECT_FALSE(first.ended) << "a change of the unit's state waits until somebody ends the copy";
    auto& function = host->begin(TaskFunction::abort_task, 0, task->tag.value);
    scene.world.run();
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_EQ(first.status, kGood);
    reserve_out(*host, testing::kRegister, 0, 2);
    scene.world.run();
    disk1->pace = Pace::on_request;
    disk1->writes_begun = 0;
    Task& again = begin(
        *host,
        testing::lid1_list(
            2, {testing::cscd(testing::named(0)), testing::cscd(testing::named(1))},
            {testing::segment({.destination = 1, .blocks = 8, .source_lba = 100, .destination_lba = 100})}));
    scene.world.run();
    ASSERT_EQ(disk1->writes_begun, 1U);
    const Task& fence = reserve_out(*other, testing::kPreemptAndAbort, 1, 2);
    scene.world.run();
    EXPECT_EQ(fence.status, kGood);
    EXPECT_TRUE(again.was_dropped || again.ended);
    EXPECT_TRUE(is_ready(*other, 0));
    let_go();
}

TEST_F(OffloadsHeldUpElsewhere, ReadNothingThatIsWrittenAfterTheyWereAborted) {
    other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    ASSERT_EQ(other->answered.size(), 1U);
    host->clear_attentions(0);
    other->clear_attentions(0);
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood) << "a change of the unit's state";
    EXPECT_EQ(other->run(cdb({0x17, 0, 0, 0, 0, 0})).status, kGood);
    Task& same = other->send(cdb10(0x2a, 7, 1), 0, filled(512, 1));
    Task& here = host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
    EXPECT_EQ(other->run(cdb10(0x2a, 8, 1), 0, filled(512, 2)).status, kGood) << "beside it";
    EXPECT_FALSE(same.ended || here.ended);
    let_go();
    EXPECT_TRUE(holds(*disk1, 0, 0, 8)) << "what was there as the copy began";
    EXPECT_EQ(same.status, kGood);
    EXPECT_EQ(here.status, kGood);
    EXPECT_EQ(other->run(cdb10(0x2a, 7, 1), 0, filled(512, 3)).status, kGood) << "nothing is held any more";
}

TEST_F(OffloadsHeldUpElsewhere, OvertakeNothingThatBeginsAfterTheyWereAborted) {
    other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    Task& same = other->send(cdb10(0x2a, 7, 1), 0, filled(512, 1), 5);
    scene.world.run();
    EXPECT_EQ(disk1->writes_begun, 1U);
    let_go();
    EXPECT_EQ(same.status, kGood);
    EXPECT_EQ(disk1->block(7)[0], std::byte{1}) << "what came last";
}

TEST_F(OffloadsHeldUpElsewhere, LeaveTheUnitThatHangsToItsOwnReset) {
    other->begin(TaskFunction::logical_unit_reset, 5);
    scene.world.run();
    EXPECT_EQ(other->answered.size(), 0U) << "there the piece is under way";
    EXPECT_FALSE(task->ended || task->was_dropped);
    EXPECT_TRUE(is_ready(*other, 0));
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, kGood) << "the source has nothing to do with it";
    EXPECT_EQ(other->run(cdb({0x17, 0, 0, 0, 0, 0})).status, kGood);
    auto& function = host->begin(TaskFunction::abort_task, 0, task->tag.value);
    scene.world.run();
    EXPECT_EQ(function.response, TaskResponse::function_complete) << "and can be asked to be done with it";
    let_go();
    EXPECT_EQ(other->answered.size(), 1U);
}

/// Asked of the unit that hangs.
struct OffloadsThatHang : OffloadsHeldUpElsewhere {
    OffloadsThatHang() : OffloadsHeldUpElsewhere(5) {}
};

TEST_F(OffloadsThatHang, KeepNoResetWaitingOfTheUnitThatIsRead) {
    auto& function = other->begin(TaskFunction::logical_unit_reset, 0);
    scene.world.run();
    ASSERT_EQ(other->answered.size(), 1U);
    EXPECT_EQ(function.response, TaskResponse::function_complete);
    EXPECT_FALSE(task->ended) << "it is that of the unit that hangs";
    EXPECT_TRUE(is_ready(*other, 0));
    other->begin(TaskFunction::logical_unit_reset, 5);
    scene.world.run();
    EXPECT_EQ(other->answered.size(), 1U);
    let_go();
    EXPECT_EQ(other->answered.size(), 2U);
    EXPECT_EQ(disk1->writes_begun, 1U);
}

TEST_F(Copies, HeldUpByAReadElsewhereKeepNobodyWaiting) {
    disk1->pace = Pace::on_request;
    for (const bool immediate : {false, true}) {
        Task& task = immediate ? copy4(*host, between4(1, {.source = 1, .destination = 0, .blocks = 8}, true))
                               : begin(*host, between(1, {.source = 1, .destination = 0, .blocks = 8}));
        scene.world.run();
        ASSERT_EQ(disk1->pending(), 1U);
        EXPECT_EQ(task.ended, immediate);
        auto& function = host->begin(TaskFunction::logical_unit_reset, 0);
        scene.world.run();
        EXPECT_EQ(function.response, TaskResponse::function_complete);
        EXPECT_EQ(host->answered.size(), immediate ? 2U : 1U);
        host->clear_attentions(0);
        disk1->complete_one();
        scene.world.run();
        EXPECT_EQ(disk0->writes_begun, 0U);
    }
}

}  // namespace
}  // namespace targe::engine
