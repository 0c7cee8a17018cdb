// No task that was to end touches the medium after the answer.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::DataOutMode;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

struct Functions : ::testing::Test {
    Scene scene{{.cores = 2}};
    std::unique_ptr<Initiator> host = scene.login(0);
    std::unique_ptr<Initiator> other = scene.login(1);

    Task& write(Initiator& from, std::uint32_t lba) {
        return from.send(cdb10(0x2a, lba, 1), 0, filled(512, 1));
    }
    void complete_all() {
        while (scene.disk->pending() > 0) {
            scene.disk->complete_one();
        }
        scene.world.run();
    }
};

TEST_F(Functions, AbortTaskEndsAWaitingTaskAtOnce) {
    host->data_out_mode = DataOutMode::later;
    Task& task = write(*host, 0);
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 0, task.tag.value), TaskResponse::function_complete);
    EXPECT_TRUE(task.was_dropped);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST_F(Functions, DataThatComeWhileTasksAreDroppedReviveNone) {
    host->data_out_mode = DataOutMode::later;
    Task& first = write(*host, 0);
    Task& second = write(*host, 1);
    first.on_end = [&](Task&) { host->deliver_data(second); };
    EXPECT_EQ(host->manage(TaskFunction::abort_task_set), TaskResponse::function_complete);
    EXPECT_TRUE(second.was_dropped);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
}

TEST_F(Functions, AbortTaskAwaitsATaskThatExecutes) {
    scene.disk->pace = Pace::on_request;
    Task& task = write(*host, 0);
    host->begin(TaskFunction::abort_task, 0, task.tag.value);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty());
    scene.disk->complete_one();
    EXPECT_TRUE(task.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_complete);
}

TEST_F(Functions, AbortTaskKnowsWhatItDoesNotKnow) {
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 0, 4711), TaskResponse::task_does_not_exist);
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 7, 4711), TaskResponse::lun_does_not_exist);
    host->hold_responses = true;
    Task& done = host->run(cdb10(0x28, 0, 1), 512);
    EXPECT_EQ(host->manage(TaskFunction::abort_task, 0, done.tag.value), TaskResponse::function_complete);
    EXPECT_FALSE(done.was_dropped);
    host->retire(done);
}

TEST_F(Functions, AreAnnouncedExactlyWhereTheyWork) {
    const Task& report = host->run(cdb({0xa3, 0x0d, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}), 4);
    ASSERT_EQ(report.data_received.size(), 4U);
    const struct {
        TaskFunction function;
        std::size_t byte;
        unsigned bit;
    } rows[] = {{TaskFunction::abort_task, 0, 7},
                {TaskFunction::abort_task_set, 0, 6},
                {TaskFunction::clear_aca, 0, 5},
                {TaskFunction::clear_task_set, 0, 4},
                {TaskFunction::logical_unit_reset, 0, 3},
                {TaskFunction::query_task, 0, 2},
                {TaskFunction::query_asynchronous_event, 1, 2},
                {TaskFunction::query_task_set, 1, 1},
                {TaskFunction::i_t_nexus_reset, 1, 0}};
    for (const auto& row : rows) {
        const bool announced =
            (std::to_integer<unsigned>(report.data_received[row.byte]) >> row.bit & 1U) != 0;
        EXPECT_TRUE(announced) << "byte " << row.byte << " bit " << row.bit;
        EXPECT_NE(host->manage(row.function), TaskResponse::not_supported);
    }
}

TEST_F(Functions, AbortTaskSetLeavesOtherNexusesAlone) {
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    host->begin(TaskFunction::abort_task_set);
    complete_all();
    EXPECT_TRUE(mine.was_dropped);
    EXPECT_FALSE(theirs.was_dropped);
    EXPECT_EQ(host->answered.size(), 1U);
}

TEST_F(Functions, ClearTaskSetOfOneNexusLeavesOthersAlone) {
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    host->begin(TaskFunction::clear_task_set);
    complete_all();
    EXPECT_TRUE(mine.was_dropped);
    EXPECT_EQ(theirs.status, 0);
    EXPECT_FALSE(theirs.was_dropped) << "TST 001b";
    EXPECT_EQ(host->answered.size(), 1U);
}

TEST_F(Functions, LogicalUnitResetAwaitsEveryCore) {
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    Task& theirs = write(*other, 1);
    other->data_out_mode = DataOutMode::later;
    Task& waiting = write(*other, 2);
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.run();
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_TRUE(host->answered.empty());
    Task& later = host->send(cdb({0, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(later.ended);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_TRUE(host->answered.empty());
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_TRUE(mine.was_dropped && theirs.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(later.sense_code(), 0x062903U);
    EXPECT_EQ(other->next_attention(), 0x062903U);
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_F(Functions, ResetsGoBackToTheDefaults) {
    for (const TaskFunction function : {TaskFunction::logical_unit_reset, TaskFunction::target_warm_reset,
                                        TaskFunction::target_cold_reset}) {
        const ByteVector control = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x24, 0x10, 0, 0, 0, 0, 0, 0, 0, 0});
        host->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, control);
        host->run(cdb({0x16, 0, 0, 0, 0, 0}));
        EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, 0x18);
        EXPECT_EQ(other->manage(function), TaskResponse::function_complete);
        host->clear_attentions();
        other->clear_attentions();
        EXPECT_EQ(other->run(cdb10(0x28, 0, 1), 512).status, 0x00);
        EXPECT_EQ(host->run(cdb10(0x28, 9999, 1), 512).sense_received[0], std::byte{0x70 | 0x80});
    }
}

TEST_F(Functions, AHungDeviceIsQuarantinedWithinTheDeadline) {
    scene.disk->pace = Pace::on_request;
    Task& stuck = write(*host, 0);
    host->begin(TaskFunction::logical_unit_reset);
    scene.world.advance(std::chrono::seconds{29});
    Task& waits = host->send(cdb({0, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(waits.ended);
    scene.world.advance(std::chrono::seconds{2});
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_rejected);
    EXPECT_EQ(waits.status, 0x08);
    EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x08);
    EXPECT_FALSE(stuck.ended);
    complete_all();
    EXPECT_TRUE(stuck.was_dropped);
    EXPECT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->next_attention(), 0x062903U);
    EXPECT_EQ(host->next_attention(), 0U);
}

TEST_F(Functions, QuarantineHoldsOnEveryCoreUntilTheLastOneEnds) {
    scene.disk->pace = Pace::on_request;
    Task& first = write(*host, 0);
    Task& second = write(*host, 1);
    scene.world.run();
    host->begin(TaskFunction::abort_task, 0, first.tag.value);
    host->begin(TaskFunction::abort_task, 0, second.tag.value);
    scene.world.advance(std::chrono::seconds{31});
    ASSERT_EQ(host->answered.size(), 2U);
    const ByteVector ready = cdb({0, 0, 0, 0, 0, 0});
    EXPECT_EQ(other->run(ready).status, 0x08) << "or it would wait for a device that hangs";
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(other->run(ready).status, 0x08);
    scene.disk->complete_one();
    scene.world.run();
    EXPECT_EQ(other->run(ready).status, 0);
    EXPECT_EQ(host->run(ready).status, 0);
}

TEST_F(Functions, AwaitTasksOfAUnitThatLeftTheLunMap) {
    for (const auto function :
         {TaskFunction::target_warm_reset, TaskFunction::target_cold_reset, TaskFunction::i_t_nexus_reset}) {
        Scene one;
        const auto initiator = one.login();
        one.disk->pace = Pace::on_request;
        initiator->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
        one.target->set_maps(std::make_shared<const LunMaps>());
        one.world.run();
        initiator->begin(function);
        one.world.run();
        EXPECT_TRUE(initiator->answered.empty()) << "the device still writes";
        one.disk->complete_one();
        one.world.run();
        EXPECT_EQ(initiator->answered.size(), 1U);
    }
}

TEST_F(Functions, AbortTaskAwaitsATaskOfAUnitThatLeftTheLunMapAndCameBack) {
    scene.disk->pace = Pace::on_request;
    const Task& task = write(*host, 0);
    const LunMaps maps = scene.target->latest_maps();
    scene.target->set_maps(std::make_shared<const LunMaps>());
    scene.world.run();
    scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    scene.world.run();
    host->begin(TaskFunction::abort_task, 0, task.tag.value);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty()) << "the device still writes";
    complete_all();
    EXPECT_EQ(host->answered.size(), 1U);
}

TEST_F(Functions, OnlyTheUnitThatHangsIsQuarantined) {
    const auto second = scene.add_unit("disk1");
    LunMaps maps = scene.target->latest_maps();
    maps.luns.push_back({.lun = 1, .unit = second});
    scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    scene.world.run();
    host->clear_attentions();
    other->clear_attentions();
    scene.disk->pace = Pace::on_request;
    Task& stuck = write(*other, 0);
    host->begin(TaskFunction::target_warm_reset);
    scene.world.advance(std::chrono::seconds{31});
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_rejected);
    const ByteVector ready = cdb({0, 0, 0, 0, 0, 0});
    EXPECT_EQ(host->run(ready).status, 0x08);
    host->clear_attentions(1);
    EXPECT_EQ(host->run(ready, 0, {}, 1).status, 0x00);
    complete_all();
    EXPECT_TRUE(stuck.was_dropped);
    host->clear_attentions();
    EXPECT_EQ(host->run(ready).status, 0x00);
}

TEST_F(Functions, QuarantineRefusesTheChangesThatHaveNotBegun) {
    scene.disk->pace = Pace::on_request;
    Task& stuck = write(*host, 0);
    const ByteVector reserve = cdb({0x16, 0, 0, 0, 0, 0});
    Task& first = other->send(reserve);
    Task& second = other->send(reserve);
    scene.world.run();
    host->begin(TaskFunction::abort_task, 0, stuck.tag.value);
    scene.world.advance(std::chrono::seconds{31});
    EXPECT_TRUE(second.ended);
    EXPECT_EQ(second.status, 0x08);
    EXPECT_FALSE(first.ended) << "it has closed the lanes";
    complete_all();
    EXPECT_TRUE(first.ended);
    EXPECT_EQ(first.status, 0x00);
}

TEST_F(Functions, AQuarantineEndsWithTheTasksThatItRefuses) {
    scene.disk->pace = Pace::on_request;
    Task& stuck = write(*host, 0);
    const ByteVector reserve = cdb({0x16, 0, 0, 0, 0, 0});
    Task& first = other->send(reserve);
    Task& second = other->send(reserve);
    scene.world.run();
    other->begin(TaskFunction::abort_task, 0, second.tag.value);
    scene.world.advance(std::chrono::seconds{31});
    ASSERT_EQ(other->answered.size(), 1U);
    EXPECT_TRUE(second.was_dropped);
    EXPECT_FALSE(first.ended);
    Task& waits = other->send(cdb({0, 0, 0, 0, 0, 0}));
    scene.world.run();
    EXPECT_FALSE(waits.ended) << "nothing holds the device any more that was to end";
    complete_all();
    EXPECT_TRUE(stuck.ended && first.ended && waits.ended);
}

TEST_F(Functions, DoNotAwaitTasksThatOthersHaveEnded) {
    for (const auto function : {TaskFunction::abort_task, TaskFunction::abort_task_set}) {
        Scene one;
        const auto mine = one.login();
        const auto theirs = one.login();
        one.disk->pace = Pace::on_request;
        const Task& task = write(*mine, 0);
        const Task& hangs = write(*theirs, 1);
        one.world.run();
        theirs->begin(TaskFunction::abort_task_set);
        mine->begin(function, 0, task.tag.value);
        one.disk->complete_one();
        one.world.run();
        EXPECT_TRUE(task.was_dropped);
        EXPECT_FALSE(hangs.ended);
        EXPECT_EQ(mine->answered.size(), 1U) << "or the unit is quarantined for a task that is none of it";
        one.disk->complete_one();
        one.world.run();
        EXPECT_EQ(theirs->answered.size(), 1U);
    }
}

TEST_F(Functions, AnAbortedCompareAndWriteDoesNotWrite) {
    scene.disk->pace = Pace::on_request;
    const ByteVector command = cdb({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0});
    ByteVector data = filled(512, 0);
    data.resize(1024, std::byte{1});
    Task& task = host->send(command, 0, data);
    scene.world.run();
    EXPECT_EQ(scene.disk->pending(), 1U);  // the read
    host->begin(TaskFunction::abort_task_set);
    complete_all();
    EXPECT_TRUE(task.was_dropped);
    EXPECT_EQ(scene.disk->writes_begun, 0U);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(host->run(command, 0, data).status, 0x00);  // the range was let go
}

TEST_F(Functions, CloseAwaitsWhatExecutes) {
    scene.disk->pace = Pace::on_request;
    Task& task = write(*host, 0);
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    scene.disk->complete_one();
    EXPECT_TRUE(task.was_dropped);
    scene.world.run();
    EXPECT_TRUE(closed);
}

TEST_F(Functions, CloseAwaitsResponsesOnTheirWay) {
    host->hold_responses = true;
    Task& task = host->run(cdb10(0x28, 0, 1), 512);
    bool closed = false;
    host->begin_close([&] { closed = true; });
    scene.world.run();
    EXPECT_FALSE(closed);
    host->retire(task, Delivery::failed);
    scene.world.run();
    EXPECT_TRUE(closed);
}

TEST_F(Functions, QueriesTellWhatIsThere) {
    scene.disk->pace = Pace::on_request;
    EXPECT_EQ(host->manage(TaskFunction::query_task_set), TaskResponse::function_complete);
    Task& task = write(*host, 0);
    EXPECT_EQ(host->manage(TaskFunction::query_task, 0, task.tag.value), TaskResponse::function_succeeded);
    EXPECT_EQ(host->manage(TaskFunction::query_task, 0, 4711), TaskResponse::function_complete);
    EXPECT_EQ(host->manage(TaskFunction::query_task_set), TaskResponse::function_succeeded);
    EXPECT_EQ(other->manage(TaskFunction::query_task_set), TaskResponse::function_complete);
    EXPECT_EQ(other->manage(TaskFunction::query_task, 0, task.tag.value), TaskResponse::function_complete);
    complete_all();
    EXPECT_EQ(host->manage(TaskFunction::query_asynchronous_event), TaskResponse::function_complete);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    EXPECT_EQ(host->manage(TaskFunction::query_asynchronous_event), TaskResponse::function_succeeded);
}

TEST_F(Functions, ANexusResetTakesWhatTheNexusHeld) {
    EXPECT_EQ(host->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0);
    scene.disk->pace = Pace::on_request;
    Task& mine = write(*host, 0);
    host->begin(TaskFunction::i_t_nexus_reset);
    scene.world.run();
    EXPECT_TRUE(host->answered.empty()) << "the task executes";
    complete_all();
    EXPECT_TRUE(mine.was_dropped);
    ASSERT_EQ(host->answered.size(), 1U);
    EXPECT_EQ(host->answered[0]->response, TaskResponse::function_complete);
    scene.disk->pace = Pace::at_once;
    EXPECT_EQ(write(*other, 1).status, 0) << "the reservation is gone";
    EXPECT_EQ(host->next_attention(), 0x062907U);
    EXPECT_EQ(other->next_attention(), 0U);
}

}  // namespace
}  // namespace targe::engine
