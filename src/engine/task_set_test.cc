// Task sets after an error: ACA, QERR, TAS, UA_INTLCK_CTRL and restricted reordering.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using scsi::TaskAttribute;
using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

constexpr std::uint8_t kCheckCondition = 0x02;
constexpr std::uint8_t kAcaActive = 0x30;
constexpr std::uint8_t kTaskAborted = 0x40;

/// Bytes 2 to 5 of the Control mode page.
struct Control {
    unsigned flags = 0x20;
    unsigned queue = 0x10;
    unsigned interlock = 0;
    unsigned aborts = 0;
};

struct TaskSets : ::testing::Test {
    Scene scene{{.cores = 2}};
    std::unique_ptr<Initiator> host = scene.login(0);
    std::unique_ptr<Initiator> other = scene.login(1);
    const ByteVector test_unit_ready = cdb({0, 0, 0, 0, 0, 0});

    void select(const Control& control) {
        const ByteVector list = cdb({0, 0, 0, 0, 0x0a, 0x0a, control.flags, control.queue, control.interlock,
                                     control.aborts, 0, 0, 0, 0, 0, 0});
        ASSERT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, list).status, 0);
        other->run(cdb({3, 0, 0, 0, 252, 0}), 252);  // takes the unit attention, interlocked or not
    }
    Task& write(Initiator& from, std::uint32_t lba, TaskAttribute attribute = TaskAttribute::simple) {
        return from.send(cdb10(0x2a, lba, 1), 0, filled(512, 1), 0, attribute);
    }
    /// A command with NACA that fails.
    Task& fault(Initiator& from) {
        ByteVector beyond = cdb10(0x28, 99999, 1);
        beyond.back() = std::byte{0x04};
        return from.run(beyond, 512);
    }
    Task& run(Initiator& from, const ByteVector& command, TaskAttribute attribute, std::uint32_t in = 0) {
        Task& task = from.send(command, in, {}, 0, attribute);
        scene.world.run();
        return task;
    }
    void complete_all() {
        while (scene.disk->pending() > 0) {
            scene.disk->complete_one();
        }
        scene.world.run();
    }
};

TEST_F(TaskSets, StandStillAfterAFaultWithNaca) {
    EXPECT_EQ(fault(*host).sense_code(), 0x052100U);
    EXPECT_EQ(host->run(test_unit_ready).status, kAcaActive);
    EXPECT_EQ(host->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, kAcaActive) << "INQUIRY too";
    EXPECT_EQ(other->run(test_unit_ready).status, 0) << "its task set is another";
    EXPECT_EQ(host->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, GoOnAfterAFaultWithoutNaca) {
    EXPECT_EQ(host->run(cdb10(0x28, 99999, 1), 512).sense_code(), 0x052100U);
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, LetOneAcaTaskInAtATime) {
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::aca).sense_code(), 0x054900U) << "there is no ACA";
    fault(*host);
    scene.disk->pace = Pace::on_request;
    Task& first = write(*host, 0, TaskAttribute::aca);
    EXPECT_FALSE(first.ended);
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::aca).status, kAcaActive);
    complete_all();
    EXPECT_EQ(first.status, 0);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::aca).status, 0);
    EXPECT_EQ(host->run(test_unit_ready).status, kAcaActive) << "the condition lasts";
}

TEST_F(TaskSets, LetNoAcaTaskInWithTmfOnly) {
    select({.flags = 0x30});
    fault(*host);
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::aca).status, kAcaActive);
    EXPECT_EQ(host->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, AreFreedByAnAcaTaskThatFailsWithoutNaca) {
    fault(*host);
    EXPECT_EQ(run(*host, cdb10(0x28, 99999, 1), TaskAttribute::aca, 512).status, kCheckCondition);
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, BlockWhatWaitsForDataAndWhatWaitsItsTurn) {
    host->data_out_mode = testing::DataOutMode::later;
    Task& waiting = write(*host, 0);
    Task& ordered = write(*host, 1, TaskAttribute::ordered);
    fault(*host);
    host->deliver_data(waiting);
    scene.world.run();
    EXPECT_FALSE(waiting.ended);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    host->data_out_mode = testing::DataOutMode::at_once;
    EXPECT_EQ(host->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    scene.world.run();
    EXPECT_EQ(waiting.status, 0);
    EXPECT_TRUE(ordered.ended);
    EXPECT_EQ(scene.disk->writes_ended, 2U);
}

TEST_F(TaskSets, AreFreedByAReset) {
    host->data_out_mode = testing::DataOutMode::later;
    Task& waiting = write(*host, 0);
    fault(*host);
    host->deliver_data(waiting);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    EXPECT_TRUE(waiting.was_dropped);
    host->clear_attentions();
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, ClearAcaEndsTheAcaTaskFirst) {
    fault(*host);
    scene.disk->pace = Pace::on_request;
    Task& task = write(*host, 0, TaskAttribute::aca);
    host->begin(TaskFunction::clear_aca);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty());
    complete_all();
    EXPECT_TRUE(task.was_dropped);
    EXPECT_EQ(host->answered.size(), 1U);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(host->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, ClearAcaAwaitsNothingOfOthers) {
    const auto theirs = scene.login();
    const auto mine = scene.login();
    fault(*mine);
    scene.disk->pace = Pace::on_request;
    write(*mine, 0, TaskAttribute::aca);
    write(*theirs, 1);
    theirs->begin(TaskFunction::abort_task_set);
    mine->begin(TaskFunction::clear_aca);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(mine->answered.size(), 1U) << "what hangs is another's";
    mine->close();
    complete_all();
    EXPECT_EQ(theirs->answered.size(), 1U);
}

TEST_F(TaskSets, EndWithAFaultWhereQerrSaysSo) {
    for (const unsigned queue : {0x12U, 0x16U}) {
        select({.queue = queue});
        scene.disk->pace = Pace::on_request;
        Task& executing = write(*host, 0);
        Task& theirs = write(*other, 1);
        Task& failed = run(*host, cdb10(0x28, 99999, 1), TaskAttribute::simple, 512);
        EXPECT_FALSE(failed.ended) << "what it ends could still write";
        complete_all();
        EXPECT_EQ(failed.sense_code(), 0x052100U);
        EXPECT_TRUE(executing.was_dropped);
        EXPECT_FALSE(theirs.was_dropped) << "another task set";
        EXPECT_EQ(theirs.status, 0);
        scene.disk->pace = Pace::at_once;
        EXPECT_EQ(host->next_attention(), 0U);
        EXPECT_EQ(other->next_attention(), 0U);
    }
}

TEST_F(TaskSets, HoldWhatIsNewerThanAHeadOfQueueTask) {
    scene.disk->pace = Pace::on_request;
    Task& older = write(*host, 0);
    Task& head = write(*host, 1, TaskAttribute::head_of_queue);
    Task& newer = write(*host, 2);
    write(*other, 3);
    EXPECT_EQ(scene.disk->pending(), 3U) << "the other nexus has a task set of its own";
    scene.disk->complete_one();
    EXPECT_TRUE(older.ended);
    scene.disk->complete_one();
    EXPECT_TRUE(head.ended);
    complete_all();
    EXPECT_TRUE(newer.ended);
}

TEST_F(TaskSets, RefuseWhatWaitsBehindATaskThatHangs) {
    scene.disk->pace = Pace::on_request;
    Task& hung = write(*host, 0, TaskAttribute::ordered);
    Task& waits = write(*host, 1);
    host->begin(TaskFunction::abort_task, 0, hung.tag.value);
    scene.world.advance(std::chrono::seconds{31});
    EXPECT_EQ(waits.status, 0x08);
    EXPECT_EQ(host->run(test_unit_ready).status, 0x08);
    complete_all();
    EXPECT_TRUE(hung.was_dropped);
}

TEST_F(TaskSets, AnswerOthersTasksThatAResetEndsWithTas) {
    select({.aborts = 0x40});
    scene.disk->pace = Pace::on_request;
    other->data_out_mode = testing::DataOutMode::later;
    Task& mine = write(*host, 0);
    Task& waiting = write(*other, 1);
    host->begin(TaskFunction::logical_unit_reset);
    complete_all();
    EXPECT_TRUE(mine.was_dropped) << "its initiator knows";
    EXPECT_FALSE(waiting.was_dropped);
    EXPECT_EQ(waiting.status, kTaskAborted);
    EXPECT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(scene.disk->writes_ended, 1U);
}

TEST_F(TaskSets, DropOwnTasksInSilenceWithTas) {
    select({.aborts = 0x40});
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    host->begin(TaskFunction::abort_task_set);
    complete_all();
    EXPECT_TRUE(mine.was_dropped);
}

// What ends waits for nothing any more, and nothing waits for it.
TEST_F(TaskSets, KeepNobodyBehindTasksThatEndTogether) {
    scene.disk->pace = Pace::on_request;
    write(*host, 0);
    Task& second = write(*host, 1, TaskAttribute::ordered);
    Task& third = write(*host, 2, TaskAttribute::ordered);
    const Task* late = nullptr;
    bool went_at_once = false;
    second.on_end = [&](Task&) { late = &host->send(test_unit_ready); };
    third.on_end = [&](Task&) { went_at_once = late != nullptr && late->ended; };
    host->begin(TaskFunction::abort_task_set);
    EXPECT_TRUE(third.was_dropped);
    EXPECT_TRUE(went_at_once);
    complete_all();
}

TEST_F(TaskSets, DropInSilenceWhatTheirInitiatorEndsAsWell) {
    select({.aborts = 0x40});
    scene.disk->pace = Pace::on_request;
    Task& task = write(*host, 0);
    other->begin(TaskFunction::logical_unit_reset);
    scene.world.run();
    host->begin(TaskFunction::abort_task_set);
    complete_all();
    EXPECT_TRUE(task.was_dropped) << "TASK ABORTED might come after the function's answer";
}

TEST_F(TaskSets, DropOwnTasksInSilenceWhateverBecameOfTheirObjectsBefore) {
    select({.aborts = 0x40});
    host->data_out_mode = testing::DataOutMode::later;
    Task& task = write(*host, 0);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    EXPECT_EQ(task.status, kTaskAborted);
    host->clear_attentions();
    // A transport uses the object again, for another command.
    task.reset();
    task.cdb = scsi::Cdb(cdb10(0x2a, 0, 1));
    task.tag = TaskTag{4711};
    task.expected = {.known = true, .out_bytes = 512};
    task.ended = false;
    host->nexus().submit(task);
    EXPECT_EQ(host->manage(TaskFunction::abort_task_set), TaskResponse::function_complete);
    EXPECT_TRUE(task.was_dropped);
}

TEST_F(TaskSets, ReportAnInterlockedUnitAttentionUntilRequestSense) {
    select({.interlock = 0x20});
    scsi::UnitIdentity renamed;
    renamed.serial = "new";
    scene.unit->rename(renamed);
    scene.world.run();
    EXPECT_EQ(other->run(test_unit_ready).sense_code(), 0x063f03U);
    EXPECT_EQ(other->run(test_unit_ready).sense_code(), 0x063f03U);
    EXPECT_EQ(other->run(cdb({3, 0, 0, 0, 252, 0}), 252).status, 0);
    EXPECT_EQ(other->run(test_unit_ready).status, 0);
}

TEST_F(TaskSets, MakeAUnitAttentionOfARefusalWithInterlock3) {
    select({.interlock = 0x30});
    EXPECT_EQ(host->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0);
    EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, 0x18);
    EXPECT_EQ(other->run(test_unit_ready).sense_code(), 0x062c09U);
    EXPECT_EQ(host->run(cdb({0x17, 0, 0, 0, 0, 0})).status, 0);
}

TEST_F(TaskSets, KeepSimpleTasksInOrderWithRestrictedReordering) {
    select({.queue = 0});
    scene.disk->pace = Pace::on_request;
    Task& first = write(*host, 0);
    Task& second = write(*host, 0);
    scene.world.run();
    EXPECT_EQ(scene.disk->writes_begun, 1U);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_TRUE(first.ended);
    EXPECT_EQ(scene.disk->writes_begun, 2U);
    complete_all();
    EXPECT_EQ(second.status, 0);
}

}  // namespace
}  // namespace targe::engine
