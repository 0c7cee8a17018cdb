#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <utility>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;

constexpr auto kResponse = TaskManagementResponsePdu::kResponse;

class Management : public ::testing::Test {
protected:
    Management() {
        peer.host.on_command = [](HostTask&) {};
    }
    void SetUp() override { ASSERT_TRUE(peer.log_in()); }
    Peer peer;
};

TEST_F(Management, AbortTaskReachesTheHostWithItsTask) {
    peer.send(peer.command(7, Move::none, 0));
    ManagementRequest* held = nullptr;
    peer.host.on_management = [&](ManagementRequest& request) {
        EXPECT_EQ(request.task, peer.host.find(7));
        held = &request;
    };
    peer.send(peer.management(TaskFunction::abort_task, 7));
    ASSERT_NE(held, nullptr);
    EXPECT_TRUE(peer.answers.empty()) << "not before the task cannot act any more";
    peer.host.abandon(*peer.host.find(7));
    peer.connection.management_done(*held, TaskFunctionResponse::function_complete);
    peer.pump();
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::task_management_response);
    EXPECT_EQ(answer.get<BasicHeader::kInitiatorTaskTag>(), 0x2000U);
    EXPECT_EQ(answer.get<kResponse>(), 0);
    EXPECT_EQ(peer.host.deliveries[2], 1U);
}

TEST_F(Management, AbortTaskOfNothingFindsNothing) {
    peer.send(peer.command(7, Move::none, 0));
    peer.send(peer.management(TaskFunction::abort_task, 8));
    EXPECT_EQ(peer.next().get<kResponse>(), 1);
    peer.send(peer.management(TaskFunction::abort_task, 7).put<BasicHeader::kLun>(1));
    EXPECT_EQ(peer.next().get<kResponse>(), 1) << "it is a task of another unit";
    EXPECT_EQ(peer.host.live(), 1U);
}

constexpr std::uint64_t kThird = std::uint64_t{3} << 48U;
constexpr std::uint64_t kThirdInAnotherForm = std::uint64_t{0x4003} << 48U;

TEST_F(Management, FindsATaskWhoseUnitWasNamedInAnotherForm) {
    peer.send(peer.command(7, Move::none, 0).put<BasicHeader::kLun>(kThird));
    peer.send(peer.management(TaskFunction::abort_task, 7).put<BasicHeader::kLun>(kThirdInAnotherForm));
    EXPECT_EQ(peer.next().get<kResponse>(), 0);
    EXPECT_EQ(peer.host.live(), 0U);
    for (const auto function : {TaskFunction::abort_task, TaskFunction::logical_unit_reset}) {
        Peer other;
        other.host.on_command = [](HostTask&) {};
        ASSERT_TRUE(other.log_in());
        other.send(
            other.command(7, Move::none, 0).put<RequestHeader::kCmdSn>(2).put<BasicHeader::kLun>(kThird));
        other.send(other.management(function, 7)
                       .put<RequestHeader::kCmdSn>(3)
                       .put<BasicHeader::kLun>(kThirdInAnotherForm));
        EXPECT_EQ(other.next().get<kResponse>(), 0);
        other.send(other.command(9, Move::none, 0).put<RequestHeader::kCmdSn>(1));
        EXPECT_EQ(other.host.find(7), nullptr) << "it waited for its turn";
        EXPECT_NE(other.host.find(9), nullptr);
    }
    Peer other;
    other.host.on_command = [&](HostTask& task) { other.host.respond_check(task, 5, 0x2000); };
    ASSERT_TRUE(other.log_in("InitialR2T=No;"));
    other.send(
        other.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0).put<BasicHeader::kLun>(kThird));
    other.send(
        other.management(TaskFunction::logical_unit_reset).put<BasicHeader::kLun>(kThirdInAnotherForm));
    EXPECT_EQ(other.host.live(), 0U) << "its data may never come";
}

TEST_F(Management, AbortTaskThatHasNotArrivedCountsItAsReceived) {
    // The number after the expected one is skipped, then the expected one itself.
    for (const std::uint32_t number : {2U, 1U}) {
        Pdu abort = peer.management(TaskFunction::abort_task, 70 + number);
        abort.put<TaskManagementRequestPdu::kRefCmdSn>(number).put<RequestHeader::kCmdSn>(3);
        peer.send(abort);
        EXPECT_EQ(peer.next().get<kResponse>(), 0);
    }
    peer.send(peer.command(71, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    peer.send(peer.command(72, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    EXPECT_EQ(peer.host.commands, 0U);
    peer.send(peer.command(73, Move::none, 0).put<RequestHeader::kCmdSn>(3));
    EXPECT_EQ(peer.host.commands, 1U);
}

TEST_F(Management, AbortTaskOutsideTheWindowFindsNothing) {
    Pdu abort = peer.management(TaskFunction::abort_task, 70);
    peer.send(abort.put<TaskManagementRequestPdu::kRefCmdSn>(0));
    EXPECT_EQ(peer.next().get<kResponse>(), 1);
    peer.send(abort.put<TaskManagementRequestPdu::kRefCmdSn>(1000).put<RequestHeader::kCmdSn>(1001));
    EXPECT_EQ(peer.next().get<kResponse>(), 1);
}

TEST_F(Management, EndsCommandsThatWaitForTheirTurn) {
    peer.send(peer.command(7, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    peer.send(peer.command(8, Move::none, 0).put<RequestHeader::kCmdSn>(3).put<BasicHeader::kLun>(5));
    peer.send(peer.management(TaskFunction::logical_unit_reset).put<RequestHeader::kCmdSn>(4));
    EXPECT_EQ(peer.next().get<kResponse>(), 0);
    peer.send(peer.command(9, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    EXPECT_EQ(peer.host.find(7), nullptr);
    EXPECT_NE(peer.host.find(8), nullptr);
    EXPECT_NE(peer.host.find(9), nullptr);
}

TEST_F(Management, AbortTaskWhoseResponseIsOnItsWayFindsNothing) {
    peer.send(peer.command(7, Move::none, 0));
    peer.host.respond_good(*peer.host.find(7));
    peer.auto_pump = false;
    peer.send(peer.management(TaskFunction::abort_task, 7));
    peer.pump();
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response);
    EXPECT_EQ(peer.next().get<kResponse>(), 1) << "what was carried out must not look undone";
}

TEST_F(Management, AbortTaskThatDrainsEndsIt) {
    peer.host.on_command = [&](HostTask& task) { peer.host.respond_check(task, 5, 0x2000); };
    peer.send(peer.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0));
    peer.send(peer.management(TaskFunction::abort_task, 7));
    // With InitialR2T=Yes nothing was to come, so the response went first.
    EXPECT_EQ(peer.host.live(), 0U);
    Peer other;
    other.host.on_command = [&](HostTask& task) { other.host.respond_check(task, 5, 0x2000); };
    ASSERT_TRUE(other.log_in("InitialR2T=No;"));
    other.send(other.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0));
    EXPECT_EQ(other.host.live(), 1U);
    other.send(other.management(TaskFunction::abort_task, 7));
    EXPECT_EQ(other.host.live(), 0U);
    EXPECT_EQ(other.next().get<kResponse>(), 0);
    other.send(other.data_out(7, kReservedTag, 0, 0, testing::some_data(8192), true));
    EXPECT_TRUE(other.answers.empty());
}

TEST_F(Management, FunctionsOnManyTasksEndThoseThatDrain) {
    for (const auto [function, left] :
         {std::pair{TaskFunction::abort_task_set, 1U}, std::pair{TaskFunction::logical_unit_reset, 1U},
          std::pair{TaskFunction::target_warm_reset, 0U}}) {
        Peer other;
        other.host.on_command = [&](HostTask& task) { other.host.respond_check(task, 5, 0x2000); };
        ASSERT_TRUE(other.log_in("InitialR2T=No;"));
        other.send(other.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0));
        other.send(other.command(8, Move::write, 8192)
                       .put<BasicHeader::kFinal>(0)
                       .put<BasicHeader::kLun>(std::uint64_t{1} << 48U));
        EXPECT_EQ(other.host.live(), 2U);
        other.send(other.management(function));
        EXPECT_EQ(other.next().opcode(), Opcode::task_management_response);
        EXPECT_EQ(other.host.live(), left) << "its data may never come";
    }
}

TEST_F(Management, FunctionsThatAreRefusedLeaveThoseThatDrain) {
    for (const auto response :
         {TaskFunctionResponse::lun_does_not_exist, TaskFunctionResponse::function_rejected}) {
        Peer other;
        other.host.on_command = [&](HostTask& task) { other.host.respond_check(task, 5, 0x2000); };
        other.host.on_management = [&](ManagementRequest& request) {
            other.connection.management_done(request, response);
        };
        ASSERT_TRUE(other.log_in("InitialR2T=No;"));
        other.send(other.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0));
        other.send(other.management(TaskFunction::logical_unit_reset));
        EXPECT_EQ(other.next().get<kResponse>(), static_cast<std::uint8_t>(response));
        other.send(other.data_out(7, kReservedTag, 0, 0, testing::some_data(8192), true));
        ASSERT_FALSE(other.answers.empty()) << "it was answered, and nothing has ended it";
        EXPECT_EQ(other.next().opcode(), Opcode::scsi_response);
    }
}

TEST_F(Management, NothingIsHeardOfATaskThatDrainsWhenItsFunctionIsAnswered) {
    for (const auto [function, left] :
         {std::pair{TaskFunction::abort_task, 2U}, std::pair{TaskFunction::abort_task_set, 1U},
          std::pair{TaskFunction::target_warm_reset, 1U}}) {
        Peer other;
        other.host.on_command = [](HostTask&) {};
        ManagementRequest* held = nullptr;
        other.host.on_management = [&](ManagementRequest& request) { held = &request; };
        ASSERT_TRUE(other.log_in("InitialR2T=No;"));
        other.send(other.command(7, Move::write, 8192).put<BasicHeader::kFinal>(0));
        other.send(other.command(8, Move::write, 8192).put<BasicHeader::kFinal>(0));
        other.send(other.management(function, 7));
        other.send(other.command(9, Move::write, 8192).put<BasicHeader::kFinal>(0));
        for (const std::uint32_t tag : {7U, 8U, 9U}) {
            other.host.respond_check(*other.host.find(tag), 5, 0x2000);
        }
        other.pump();
        EXPECT_TRUE(other.answers.empty()) << "their data are still to come";
        ASSERT_NE(held, nullptr);
        other.connection.management_done(*held, TaskFunctionResponse::function_complete);
        other.pump();
        EXPECT_EQ(other.next().opcode(), Opcode::task_management_response);
        EXPECT_EQ(other.host.live(), left) << "9 came after the function";
        other.send(other.data_out(7, kReservedTag, 0, 0, testing::some_data(8192), true));
        EXPECT_TRUE(other.answers.empty());
    }
}

TEST_F(Management, FunctionsOfOthersAreNotSupported) {
    peer.send(peer.management(TaskFunction::task_reassign, 7));
    EXPECT_EQ(peer.next().get<kResponse>(), 4);
    for (const int function : {0, 9, 10, 11, 12, 13, 127}) {
        peer.send(peer.management(static_cast<TaskFunction>(function)));
        EXPECT_EQ(peer.next().get<kResponse>(), 5) << function;
    }
}

/// Every function of RFC 7143 11.5.1 and RFC 7144 4.1, with protocol level 2 where it is needed.
TEST(ManagementOfLevel2, EveryFunctionReachesTheHost) {
    const struct {
        TaskFunction function;
        int code;
        TaskFunctionResponse response;
        int sent;
    } rows[] = {
        {TaskFunction::abort_task_set, 2, TaskFunctionResponse::function_complete, 0},
        {TaskFunction::clear_aca, 3, TaskFunctionResponse::function_rejected, 255},
        {TaskFunction::clear_task_set, 4, TaskFunctionResponse::function_complete, 0},
        {TaskFunction::logical_unit_reset, 5, TaskFunctionResponse::lun_does_not_exist, 2},
        {TaskFunction::target_warm_reset, 6, TaskFunctionResponse::function_complete, 0},
        {TaskFunction::target_cold_reset, 7, TaskFunctionResponse::function_complete, 0},
        {TaskFunction::query_task_set, 10, TaskFunctionResponse::function_succeeded, 7},
        {TaskFunction::i_t_nexus_reset, 11, TaskFunctionResponse::function_complete, 0},
        {TaskFunction::query_async_event, 12, TaskFunctionResponse::function_succeeded, 7},
    };
    Peer peer;
    ASSERT_TRUE(peer.log_in("iSCSIProtocolLevel=2;"));
    for (const auto& row : rows) {
        SCOPED_TRACE(row.code);
        EXPECT_EQ(static_cast<int>(row.function), row.code);
        ManagementRequest* asked = nullptr;
        peer.host.on_management = [&](ManagementRequest& request) { asked = &request; };
        peer.send(peer.management(row.function).put<BasicHeader::kLun>(std::uint64_t{3} << 48U));
        ASSERT_NE(asked, nullptr);
        EXPECT_EQ(asked->function, row.function);
        EXPECT_EQ(asked->lun.value, std::uint64_t{3} << 48U);
        EXPECT_TRUE(peer.answers.empty());
        peer.connection.management_done(*asked, row.response);
        peer.pump();
        EXPECT_EQ(peer.next().get<kResponse>(), row.sent);
    }
}

TEST(ManagementOfLevel2, QueryTaskAsksTheHostWhereThereIsOne) {
    Peer peer;
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in("iSCSIProtocolLevel=2;"));
    peer.send(peer.management(TaskFunction::query_task, 7));
    EXPECT_EQ(peer.next().get<kResponse>(), 0) << "no such task";
    peer.send(peer.command(7, Move::none, 0));
    peer.host.on_management = [&](ManagementRequest& request) {
        EXPECT_EQ(request.task, peer.host.find(7));
        peer.connection.management_done(request, TaskFunctionResponse::function_succeeded);
    };
    peer.send(peer.management(TaskFunction::query_task, 7));
    EXPECT_EQ(peer.next().get<kResponse>(), 7);
}

TEST_F(Management, OneThereIsNoRoomForEndsNothing) {
    std::vector<ManagementRequest*> held;
    peer.host.on_management = [&](ManagementRequest& request) { held.push_back(&request); };
    peer.send(peer.command(7, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    for (int i = 0; i < 16; ++i) {
        peer.send(peer.management(TaskFunction::abort_task_set).put<BasicHeader::kLun>(kThird));
    }
    peer.send(peer.management(TaskFunction::abort_task_set).put<RequestHeader::kCmdSn>(3));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 6);
    peer.send(peer.command(9, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    EXPECT_NE(peer.host.find(7), nullptr) << "it waited for its turn, and nobody has ended it";
    for (ManagementRequest* request : held) {
        peer.connection.management_done(*request, TaskFunctionResponse::function_complete);
    }
}

TEST_F(Management, RequestsAreLimited) {
    std::vector<ManagementRequest*> held;
    peer.host.on_management = [&](ManagementRequest& request) { held.push_back(&request); };
    for (int i = 0; i < 17; ++i) {
        peer.send(peer.management(TaskFunction::abort_task_set));
    }
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 6);
    Pdu ordered = peer.management(TaskFunction::abort_task_set);
    peer.send(ordered.put<BasicHeader::kImmediate>(0));
    EXPECT_EQ(peer.next().get<kResponse>(), 255);
    EXPECT_EQ(held.size(), 16U);
    peer.connection.transport_lost();
    EXPECT_FALSE(peer.host.is_closed);
    for (ManagementRequest* request : held) {
        peer.connection.management_done(*request, TaskFunctionResponse::function_complete);
    }
    EXPECT_TRUE(peer.host.is_closed);
}

}  // namespace
}  // namespace targe::iscsi
