// One task set for every nexus of a unit, TST 000b: order, ACA, QERR and CLEAR TASK SET across nexuses and
// cores.
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

constexpr std::uint8_t kBusy = 0x08;
constexpr std::uint8_t kAcaActive = 0x30;
constexpr std::uint8_t kTaskAborted = 0x40;
constexpr std::uint32_t kFault = 0x052100;
constexpr std::uint32_t kCleared = 0x062f00;

struct Control {
    unsigned flags = 0;
    unsigned queue = 0x10;
    unsigned aborts = 0;
};

/// Once on one core, once on two, with the unit's home on the first.
struct SharedTaskSets : ::testing::TestWithParam<std::size_t> {
    Scene scene{{.cores = GetParam(), .task_set_type = scsi::TaskSetType::shared}};
    std::unique_ptr<Initiator> host = scene.login(0);
    std::unique_ptr<Initiator> other = scene.login(GetParam() - 1);
    const ByteVector test_unit_ready = cdb({0, 0, 0, 0, 0, 0});

    Task& write(Initiator& from, std::uint32_t lba, TaskAttribute attribute = TaskAttribute::simple) {
        Task& task = from.send(cdb10(0x2a, lba, 1), 0, filled(512, 1), 0, attribute);
        scene.world.run();
        return task;
    }
    Task& run(Initiator& from, const ByteVector& command, TaskAttribute attribute, std::uint32_t in = 0) {
        Task& task = from.send(command, in, {}, 0, attribute);
        scene.world.run();
        return task;
    }
    /// A command that fails, with NACA or without.
    Task& fault(Initiator& from, bool naca) {
        ByteVector beyond = cdb10(0x28, 99999, 1);
        beyond.back() = naca ? std::byte{0x04} : std::byte{0x00};
        return run(from, beyond, TaskAttribute::simple, 512);
    }
    void select(const Control& control) {
        const ByteVector list =
            cdb({0, 0, 0, 0, 0x0a, 0x0a, control.flags, control.queue, 0, control.aborts, 0, 0, 0, 0, 0, 0});
        ASSERT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, list).status, 0);
        other->clear_attentions();
    }
    void complete_one() {
        scene.disk->complete_one();
        scene.world.run();
    }
    void complete_all() {
        while (scene.disk->pending() > 0) {
            complete_one();
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Cores, SharedTaskSets, ::testing::Values(1, 2));

TEST_P(SharedTaskSets, AreReportedAndNotChanged) {
    const Task& sense = host->run(cdb({0x1a, 8, 0x0a, 0, 255, 0}), 255);
    EXPECT_EQ(std::to_integer<unsigned>(sense.data_received.at(4 + 2)) >> 5U, 0U);
    const ByteVector list = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(host->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, list).sense_code(), 0x052600U);
}

TEST_P(SharedTaskSets, OrderAnOrderedTaskAmongEverybodys) {
    scene.disk->pace = Pace::on_request;
    Task& theirs = write(*other, 0);
    Task& mine = write(*host, 1);
    Task& ordered = write(*host, 2, TaskAttribute::ordered);
    Task& newer = write(*other, 3);
    Task& newest = write(*host, 4);
    EXPECT_EQ(scene.disk->pending(), 2U) << "older tasks of both";
    complete_one();
    EXPECT_EQ(scene.disk->pending(), 1U);
    complete_one();
    EXPECT_TRUE(theirs.ended && mine.ended);
    EXPECT_EQ(scene.disk->pending(), 1U) << "alone";
    EXPECT_FALSE(newer.ended || newest.ended);
    complete_one();
    EXPECT_TRUE(ordered.ended);
    EXPECT_EQ(scene.disk->pending(), 2U);
    complete_all();
    EXPECT_TRUE(newer.ended && newest.ended);
}

TEST_P(SharedTaskSets, OrderOrderedTasksOfSeveralNexuses) {
    scene.disk->pace = Pace::on_request;
    std::vector<Task*> tasks;
    for (std::uint32_t i = 0; i < 6; ++i) {
        tasks.push_back(&write(i % 2 == 0 ? *host : *other, i, TaskAttribute::ordered));
    }
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        EXPECT_EQ(scene.disk->pending(), 1U);
        EXPECT_FALSE(tasks[i]->ended);
        complete_one();
        EXPECT_TRUE(tasks[i]->ended) << i;
    }
}

TEST_P(SharedTaskSets, LetHeadOfQueueTasksInAtOnceAndHoldWhatIsNewer) {
    scene.disk->pace = Pace::on_request;
    Task& ordered = write(*host, 0, TaskAttribute::ordered);
    Task& head = write(*other, 1, TaskAttribute::head_of_queue);
    EXPECT_EQ(scene.disk->pending(), 2U) << "it waits for nobody";
    Task& newer = write(*host, 2);
    complete_one();
    EXPECT_TRUE(ordered.ended);
    EXPECT_EQ(scene.disk->pending(), 1U) << "newer ones wait for it";
    complete_one();
    EXPECT_TRUE(head.ended);
    complete_all();
    EXPECT_TRUE(newer.ended);
}

TEST_P(SharedTaskSets, GoOnWhenATaskIsAbortedThatWaitsForItsTurn) {
    scene.disk->pace = Pace::on_request;
    Task& hung = write(*other, 0);
    Task& ordered = write(*host, 1, TaskAttribute::ordered);
    Task& newer = write(*other, 2);
    EXPECT_EQ(scene.disk->pending(), 1U);
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 0, ordered.tag.value), TaskResponse::function_complete);
    scene.world.run();
    EXPECT_TRUE(ordered.was_dropped);
    EXPECT_EQ(scene.disk->pending(), 2U) << "nobody waits for the one that hangs";
    complete_all();
    EXPECT_TRUE(hung.ended && newer.ended);
    EXPECT_EQ(write(*host, 3, TaskAttribute::ordered).ended, false);
    complete_all();
}

TEST_P(SharedTaskSets, GoOnWhenTheNexusOfAnOrderedTaskIsLost) {
    scene.disk->pace = Pace::on_request;
    write(*other, 0);
    write(*host, 1, TaskAttribute::ordered);
    Task& newer = write(*other, 2);
    host->begin_close([] {});
    scene.world.run();
    EXPECT_EQ(scene.disk->pending(), 2U);
    complete_all();
    EXPECT_EQ(newer.status, 0);
}

TEST_P(SharedTaskSets, RefuseWhatWaitsBehindATaskThatHangs) {
    scene.disk->pace = Pace::on_request;
    Task& hung = write(*host, 0, TaskAttribute::ordered);
    Task& waits = write(*other, 1);
    host->begin(TaskFunction::abort_task, 0, hung.tag.value);
    scene.world.advance(std::chrono::seconds{31});
    EXPECT_EQ(waits.status, kBusy);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, kBusy);
    complete_all();
    EXPECT_TRUE(hung.was_dropped);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, KeepSimpleTasksInOrderWithRestrictedReordering) {
    select({.queue = 0});
    scene.disk->pace = Pace::on_request;
    Task& first = write(*host, 0);
    Task& second = write(*other, 1);
    Task& third = write(*host, 2);
    EXPECT_EQ(scene.disk->pending(), 1U);
    complete_one();
    EXPECT_TRUE(first.ended && !second.ended);
    complete_one();
    EXPECT_TRUE(second.ended && !third.ended);
    complete_all();
    EXPECT_TRUE(third.ended);
}

TEST_P(SharedTaskSets, StandStillForEverybodyAfterAFaultWithNaca) {
    EXPECT_EQ(fault(*host, true).sense_code(), kFault);
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::simple).status, kAcaActive);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, kBusy);
    EXPECT_EQ(run(*other, cdb({0, 0, 0, 0, 0, 4}), TaskAttribute::simple).status, kAcaActive) << "with NACA";
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::aca).status, kBusy)
        << "it is not the faulted nexus";
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::aca).status, 0);
    EXPECT_EQ(other->manage(TaskFunction::clear_aca), TaskResponse::function_rejected);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, kBusy);
    const auto late = scene.login(0, true);
    EXPECT_EQ(run(*late, test_unit_ready, TaskAttribute::simple).status, kBusy) << "new nexuses too";
    EXPECT_EQ(host->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, 0) << "when that is answered";
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, BlockWhatOthersHaveSentUntilTheConditionEnds) {
    other->data_out_mode = testing::DataOutMode::later;
    Task& waiting = write(*other, 0);
    Task& ordered = write(*host, 1, TaskAttribute::ordered);
    EXPECT_EQ(fault(*host, true).sense_code(), kFault);
    other->deliver_data(waiting);
    scene.world.run();
    EXPECT_FALSE(waiting.ended || ordered.ended);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    // The ACA task ends in a fault of its own, without NACA.
    EXPECT_EQ(run(*host, cdb10(0x28, 99999, 1), TaskAttribute::aca, 512).sense_code(), kFault);
    EXPECT_EQ(waiting.status, 0);
    EXPECT_TRUE(waiting.ended && ordered.ended);
}

TEST_P(SharedTaskSets, AreFreedWhenTheFaultedNexusIsLost) {
    fault(*host, true);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, kBusy);
    host->close();
    scene.world.run();
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, AreFreedByResets) {
    for (const TaskFunction function : {TaskFunction::logical_unit_reset, TaskFunction::target_warm_reset}) {
        fault(*host, true);
        EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, kBusy);
        EXPECT_EQ(other->manage(function), TaskResponse::function_complete);
        EXPECT_EQ(other->next_attention(), 0x062903U);
        EXPECT_EQ(host->next_attention(), 0x062903U);
        EXPECT_EQ(host->run(test_unit_ready).status, 0);
    }
    fault(*host, true);
    EXPECT_EQ(host->manage(TaskFunction::i_t_nexus_reset), TaskResponse::function_complete);
    scene.world.run();
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, LetPreemptAndAbortThroughToEndTheCondition) {
    const auto reserve_out = [&](Initiator& from, unsigned action, unsigned key, unsigned other_key) {
        ByteVector list =
            cdb({0, 0, 0, 0, 0, 0, 0, key, 0, 0, 0, 0, 0, 0, 0, other_key, 0, 0, 0, 0, 0, 0, 0, 0});
        return from.run(cdb({0x5f, action, 5, 0, 0, 0, 0, 0, 24, 0}), 0, list).status;
    };
    ASSERT_EQ(reserve_out(*host, 0, 0, 1), 0);
    ASSERT_EQ(reserve_out(*other, 0, 0, 2), 0);
    ASSERT_EQ(reserve_out(*host, 1, 1, 0), 0);
    host->data_out_mode = testing::DataOutMode::later;
    Task& waiting = write(*host, 0);
    fault(*host, true);
    EXPECT_EQ(reserve_out(*other, 4, 2, 1), kBusy) << "PREEMPT alone waits";
    EXPECT_EQ(reserve_out(*other, 5, 2, 1), 0);
    scene.world.run();
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_EQ(run(*other, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, EndEverybodysTasksWithAFaultWhereQerrSaysSo) {
    select({.queue = 0x12});
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    other->data_out_mode = testing::DataOutMode::later;
    Task& waiting = write(*other, 2);
    Task& failed = fault(*host, false);
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_FALSE(failed.ended) << "what it ends could still write";
    complete_one();
    EXPECT_FALSE(failed.ended);
    complete_one();
    EXPECT_EQ(failed.sense_code(), kFault);
    EXPECT_TRUE(mine.was_dropped && theirs.was_dropped);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(host->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), kCleared);
    EXPECT_EQ(other->next_attention(), 0U) << "once, for both tasks";
}

TEST_P(SharedTaskSets, EndTheFaultedNexusTasksAloneWithQerr11b) {
    select({.queue = 0x16});
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    Task& failed = fault(*host, false);
    complete_all();
    EXPECT_EQ(failed.sense_code(), kFault);
    EXPECT_TRUE(mine.was_dropped);
    EXPECT_FALSE(theirs.was_dropped);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_P(SharedTaskSets, AnswerOthersTasksThatAFaultEndsWithTas) {
    select({.queue = 0x12, .aborts = 0x40});
    scene.disk->pace = Pace::on_request;
    Task& theirs = write(*other, 1);
    Task& failed = fault(*host, false);
    complete_all();
    EXPECT_EQ(theirs.status, kTaskAborted);
    EXPECT_EQ(failed.sense_code(), kFault);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_P(SharedTaskSets, TellOfEachFaultWhenTwoHappenAtOnce) {
    select({.queue = 0x12});
    scene.disk->pace = Pace::on_request;
    write(*host, 0);
    write(*other, 1);
    ByteVector beyond = cdb10(0x28, 99999, 1);
    beyond.back() = std::byte{0x04};
    Task& first = host->send(beyond, 512);
    Task& second = other->send(beyond, 512);
    scene.world.run();
    complete_all();
    EXPECT_EQ(first.sense_code(), kFault);
    scene.disk->pace = Pace::at_once;
    if (GetParam() == 1) {
        EXPECT_EQ(second.status, kAcaActive) << "the first was first";
    } else {
        EXPECT_EQ(second.sense_code(), kFault) << "neither core knew of the other";
        EXPECT_EQ(host->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
        EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::simple).status, kBusy);
        EXPECT_EQ(other->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    }
}

TEST_P(SharedTaskSets, EndAFaultThatWaitsWhenAFunctionEndsIt) {
    select({.queue = 0x12});
    scene.disk->pace = Pace::on_request;
    write(*other, 1);
    Task& failed = fault(*host, false);
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 0, failed.tag.value), TaskResponse::function_complete);
    EXPECT_TRUE(failed.was_dropped);
    complete_all();
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(run(*host, test_unit_ready, TaskAttribute::simple).status, 0);
}

TEST_P(SharedTaskSets, AreClearedForEverybody) {
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    Task& ordered = write(*other, 2, TaskAttribute::ordered);
    host->begin(TaskFunction::clear_task_set);
    scene.world.run();
    EXPECT_TRUE(ordered.was_dropped);
    EXPECT_TRUE(host->answered.empty());
    complete_all();
    EXPECT_TRUE(mine.was_dropped && theirs.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_complete);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(other->next_attention(), kCleared);
    EXPECT_EQ(other->next_attention(), 0U);
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST_P(SharedTaskSets, AnswerOthersTasksThatAreClearedWithTas) {
    select({.aborts = 0x40});
    other->data_out_mode = testing::DataOutMode::later;
    Task& theirs = write(*other, 1);
    EXPECT_EQ(host->manage(TaskFunction::clear_task_set), TaskResponse::function_complete);
    EXPECT_EQ(theirs.status, kTaskAborted);
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_P(SharedTaskSets, LeaveOthersTasksAloneWithAbortTaskSet) {
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    host->begin(TaskFunction::abort_task_set);
    complete_all();
    EXPECT_TRUE(mine.was_dropped);
    EXPECT_EQ(theirs.status, 0);
}

TEST_P(SharedTaskSets, KeepTheirTypeThroughResetsAndSavedPages) {
    const std::unique_ptr<Initiator> again = scene.login(0);
    again->manage(TaskFunction::logical_unit_reset);
    again->clear_attentions();
    const Task& sense = again->run(cdb({0x1a, 8, 0x0a, 0, 255, 0}), 255);
    EXPECT_EQ(std::to_integer<unsigned>(sense.data_received.at(4 + 2)) >> 5U, 0U);
}

}  // namespace
}  // namespace targe::engine
