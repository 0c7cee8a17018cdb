// Commands, their data-in, their status, and the window.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <numeric>
#include <tuple>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::ScriptedHost;

constexpr std::uint64_t kLun = 0x0001'0000'0000'0000;

Header header_of(std::initializer_list<int> bytes) {
    Header header{};
    std::size_t i = 0;
    for (const int byte : bytes) {
        header.at(i++) = static_cast<std::byte>(byte);
    }
    return header;
}

/// What the host reads for `tag`.
std::vector<std::byte> pattern(std::uint32_t tag, std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = ScriptedHost::pattern(TaskTag{tag}, i);
    }
    return out;
}

TEST(Command, ReadIsOneDataInWithStatus) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(0x11223344, Move::read, 8));
    const Pdu answer = peer.next();
    // Data-In, F and S; 8 bytes; TTT reserved; StatSN after that of the login; ExpCmdSN 2, MaxCmdSN 129.
    EXPECT_EQ(
        answer.header,
        header_of({0x25, 0x81, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0,   0, 0, 0x11, 0x22, 0x33, 0x44, 0xff, 0xff,
                   0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 129, 0, 0, 0,    0,    0,    0,    0,    0}));
    EXPECT_EQ(answer.data, pattern(0x11223344, 8));
    EXPECT_TRUE(peer.answers.empty());
    EXPECT_EQ(peer.host.deliveries[0], 1U);
}

TEST(Command, DataInIsCutBySegmentAndBurst) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=1024;MaxBurstLength=2560;"));
    peer.send(peer.command(7, Move::read, 6000));
    std::vector<std::byte> all;
    for (std::uint32_t n = 0; !peer.answers.empty(); ++n) {
        const Pdu pdu = peer.next();
        ASSERT_EQ(pdu.opcode(), Opcode::data_in);
        EXPECT_EQ(pdu.get<DataInPdu::kDataSn>(), n);
        EXPECT_EQ(pdu.get<DataInPdu::kBufferOffset>(), all.size());
        EXPECT_LE(pdu.data.size(), 1024U);
        all.insert(all.end(), pdu.data.begin(), pdu.data.end());
        const bool ends_burst = all.size() % 2560 == 0 || all.size() == 6000;
        EXPECT_EQ(pdu.get<BasicHeader::kFinal>() != 0, ends_burst) << n;
        EXPECT_EQ(pdu.get<DataInPdu::kStatusPresent>() != 0, all.size() == 6000);
    }
    EXPECT_EQ(all, pattern(7, 6000));
}

TEST(Command, CheckConditionComesWithItsSenseData) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) { peer.host.respond_check(task, 5, 0x2400); };
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(7, Move::read, 512));
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::scsi_response);
    EXPECT_EQ(answer.get<ScsiResponsePdu::kStatus>(), 2);
    ASSERT_EQ(answer.data.size(), 20U);
    EXPECT_EQ(answer.data[1], std::byte{18});
    EXPECT_EQ(answer.data[2 + 12], std::byte{0x24});
}

TEST(Command, ResidualsTellUnderflowAndOverflow) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) {
        task.answered = true;
        task.memory.assign(100, std::byte{1});
        task.from[0] = {task.memory.data(), 100};
        peer.connection.respond(task, {.data_in = std::span{task.from}.first(1),
                                       .residual_in = {Residual::Kind::underflow, 412}});
    };
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(7, Move::read, 512));
    Pdu answer = peer.next();
    EXPECT_EQ(answer.get<DataInPdu::kUnderflow>(), 1);
    EXPECT_EQ(answer.get<DataInPdu::kOverflow>(), 0);
    EXPECT_EQ(answer.get<DataInPdu::kResidual>(), 412U);
    peer.host.on_command = [&](HostTask& task) {
        task.answered = true;
        peer.connection.respond(task, {.residual_in = {Residual::Kind::overflow, 512}});
    };
    peer.send(peer.command(8, Move::none, 0));
    answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::scsi_response);
    EXPECT_EQ(answer.get<ScsiResponsePdu::kOverflow>(), 1);
    EXPECT_EQ(answer.get<ScsiResponsePdu::kResidual>(), 512U);
}

TEST(Command, ExtendedCdbAndBidirectionalLengthComeInAdditionalHeaders) {
    Peer peer;
    std::vector<std::byte> cdb;
    peer.host.on_command = [&](HostTask& task) {
        cdb.assign(task.cdb().begin(), task.cdb().end());
        EXPECT_EQ(task.expected_data_in(), 0x200U);
        EXPECT_EQ(task.expected_data_out(), 0U);
        EXPECT_TRUE(task.bidirectional());
        peer.host.respond_good(task);
    };
    ASSERT_TRUE(peer.log_in());
    Pdu pdu = peer.command(7, Move::both, 0);
    for (std::size_t i = 32; i < 48; ++i) {
        pdu.header.at(i) = static_cast<std::byte>(i - 32);
    }
    // Extended CDB of 18 more bytes, padded by three; then the read length.
    pdu.additional = {std::byte{0}, std::byte{19}, std::byte{1}, std::byte{0}};
    for (int i = 16; i < 34; ++i) {
        pdu.additional.push_back(static_cast<std::byte>(i));
    }
    pdu.additional.resize(24);
    for (const int byte : {0, 5, 2, 0, 0, 0, 2, 0}) {
        pdu.additional.push_back(static_cast<std::byte>(byte));
    }
    peer.send(pdu);
    ASSERT_EQ(cdb.size(), 34U);
    for (std::size_t i = 0; i < cdb.size(); ++i) {
        EXPECT_EQ(cdb[i], static_cast<std::byte>(i));
    }
    const Pdu data = peer.next();
    EXPECT_EQ(data.opcode(), Opcode::data_in);
    EXPECT_EQ(data.get<DataInPdu::kStatusPresent>(), 0);
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::scsi_response);
    EXPECT_EQ(answer.get<ScsiResponsePdu::kExpDataSn>(), 1U);
}

TEST(Command, AdditionalHeadersThatMakeNoSenseAreRejected) {
    for (const int length : {0, 9, 200}) {
        Peer peer;
        ASSERT_TRUE(peer.log_in());
        Pdu pdu = peer.command(7, Move::none, 0);
        pdu.additional = {std::byte{0}, static_cast<std::byte>(length), std::byte{2}, std::byte{0}};
        peer.send(pdu);
        const Pdu answer = peer.next();
        EXPECT_EQ(answer.opcode(), Opcode::reject);
        EXPECT_EQ(answer.get<RejectPdu::kReason>(), 9) << length;
        ASSERT_EQ(answer.data.size(), kHeaderSize);
        peer.send(peer.command(8, Move::none, 0));
        EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response) << "its number was used";
    }
}

TEST(Command, IsAnsweredBusyWhenTheHostHasNoTask) {
    Peer peer;
    peer.host.task_limit = 0;
    ASSERT_TRUE(peer.log_in());
    Pdu pdu = peer.command(7, Move::write, 1024);
    pdu.data = testing::some_data(512);
    peer.send(pdu);
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.get<ScsiResponsePdu::kStatus>(), 8);
    EXPECT_EQ(answer.get<ScsiResponsePdu::kResidual>(), 1024U);
    peer.host.task_limit = 9;
    peer.send(peer.command(8, Move::none, 0));
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
}

TEST(Command, WithATagThatIsInUseIsRejected) {
    Peer peer;
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(7, Move::none, 0));
    peer.send(peer.command(7, Move::none, 0));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 7);
    EXPECT_EQ(peer.host.live(), 1U);
}

TEST(Command, ThatContradictsItselfIsRejected) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    for (const auto& [move, bytes, final] :
         {std::tuple{Move::none, 0U, 0}, std::tuple{Move::read, 512U, 0}, std::tuple{Move::none, 512U, 1}}) {
        Pdu pdu = peer.command(7, Move::none, 0);
        pdu.put<ScsiCommandPdu::kRead>(move == Move::read ? 1 : 0)
            .put<ScsiCommandPdu::kExpectedDataTransferLength>(bytes)
            .put<BasicHeader::kFinal>(static_cast<std::uint64_t>(final));
        peer.send(pdu);
        EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 9) << bytes << ' ' << final;
    }
    EXPECT_EQ(peer.host.commands, 0U);
    peer.send(peer.command(8, Move::read, 0));
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response) << "a direction without data is none";
}

TEST(Command, ImmediateOnesAreLimited) {
    Peer peer(1, {.max_immediate_commands = 2});
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    for (std::uint32_t tag = 1; tag <= 3; ++tag) {
        Pdu pdu = peer.command(tag, Move::none, 0);
        pdu.put<BasicHeader::kImmediate>(1).put<RequestHeader::kCmdSn>(1);
        peer.send(pdu);
    }
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 6);
    EXPECT_EQ(peer.host.live(), 2U);
}

TEST(Window, CommandsOutsideAreDroppedInSilence) {
    Peer peer(1, {.command_window = 4});
    ASSERT_TRUE(peer.log_in());
    for (const std::uint32_t number : {0U, 0xffff'ffffU, 5U, 100U}) {
        peer.send(peer.command(9, Move::none, 0).put<RequestHeader::kCmdSn>(number));
    }
    EXPECT_EQ(peer.host.commands, 0U);
    EXPECT_TRUE(peer.answers.empty());
    EXPECT_FALSE(peer.connection.is_over());
    peer.send(peer.command(9, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response);
}

TEST(Window, ClosesAsTasksAreInUseAndOpensAsTheyEnd) {
    Peer peer(1, {.command_window = 2});
    peer.host.on_command = [](HostTask&) {};
    peer.cmd_sn = 0xffff'ffff;
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(1, Move::none, 0));
    peer.send(peer.command(2, Move::none, 0));
    peer.send(peer.command(3, Move::none, 0));
    EXPECT_EQ(peer.host.commands, 2U);
    peer.host.respond_good(*peer.host.find(1));
    peer.pump();
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.get<ResponseHeader::kExpCmdSn>(), 1U);
    EXPECT_EQ(answer.get<ResponseHeader::kMaxCmdSn>(), 1U) << "this very task is free again";
    peer.send(peer.command(4, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    EXPECT_EQ(peer.host.commands, 3U);
}

TEST(Window, IsAnnouncedWhenItOpensWithoutAResponse) {
    Peer peer(1, {.command_window = 1});
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(1, Move::none, 0));
    peer.host.abandon(*peer.host.find(1));
    peer.pump();
    const Pdu notice = peer.next();
    EXPECT_EQ(notice.opcode(), Opcode::nop_in);
    EXPECT_EQ(notice.get<ResponseHeader::kTargetTransferTag>(), kReservedTag);
    EXPECT_EQ(notice.get<ResponseHeader::kMaxCmdSn>(), 2U);
}

TEST(Window, IsAnnouncedBehindWhatWasNumberedBefore) {
    Peer peer(1, {.command_window = 1});
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(1, Move::none, 0));
    peer.auto_pump = false;
    peer.send(peer.request(Opcode::nop_out).put<BasicHeader::kImmediate>(1));
    std::array<base::ConstSegment, 4> unsent{};
    ASSERT_GT(peer.connection.gather(unsent), 0U) << "the echo is made, and the stream takes none of it";
    peer.host.abandon(*peer.host.find(1));
    peer.pump();
    EXPECT_EQ(peer.next().get<ResponseHeader::kMaxCmdSn>(), 1U) << "closed";
    const Pdu notice = peer.next();
    EXPECT_EQ(notice.opcode(), Opcode::nop_in);
    EXPECT_EQ(notice.get<ResponseHeader::kMaxCmdSn>(), 2U);
}

TEST(Window, ThatIsHeldLetsInWhatWasPromisedAndNothingElse) {
    Peer peer(1, {.command_window = 2});
    ASSERT_TRUE(peer.log_in());
    peer.connection.hold_window();
    for (const std::uint32_t tag : {1U, 2U, 3U}) {
        peer.send(peer.command(tag, Move::none, 0));
    }
    EXPECT_EQ(peer.host.commands, 2U);
    EXPECT_EQ(peer.next().get<ResponseHeader::kMaxCmdSn>(), 2U);
    EXPECT_EQ(peer.next().get<ResponseHeader::kMaxCmdSn>(), 2U);
    EXPECT_TRUE(peer.connection.is_at_rest());
    peer.connection.let_window_go();
    peer.pump();
    const Pdu notice = peer.next();
    EXPECT_EQ(notice.opcode(), Opcode::nop_in);
    EXPECT_EQ(notice.get<ResponseHeader::kMaxCmdSn>(), 4U);
    peer.send(peer.command(3, Move::none, 0).put<RequestHeader::kCmdSn>(3));
    EXPECT_EQ(peer.host.commands, 3U);
}

TEST(Window, ThatIsHeldForAMomentIsNotSpokenOf) {
    Peer peer(1, {.command_window = 2});
    ASSERT_TRUE(peer.log_in());
    peer.connection.hold_window();
    peer.connection.let_window_go();
    peer.pump();
    EXPECT_TRUE(peer.answers.empty());
}

TEST(Window, CommandsBeforeTheirTurnWait) {
    Peer peer;
    std::vector<std::uint32_t> order;
    peer.host.on_command = [&](HostTask& task) {
        order.push_back(task.tag().value);
        if (task.expected_data_out() > 0) {
            peer.host.accept(task, task.expected_data_out());
        } else {
            peer.host.respond_good(task);
        }
    };
    ASSERT_TRUE(peer.log_in("InitialR2T=No;"));
    const auto data = testing::some_data(300);
    Pdu third = peer.command(30, Move::write, 300);
    third.data.assign(data.begin(), data.begin() + 100);
    third.put<RequestHeader::kCmdSn>(3).put<BasicHeader::kFinal>(0);
    peer.send(third);
    peer.send(peer.data_out(30, kReservedTag, 0, 100, {data.begin() + 100, data.end()}, true));
    peer.send(peer.command(20, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    peer.send(peer.command(20, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    EXPECT_TRUE(order.empty());
    peer.send(peer.command(10, Move::none, 0).put<RequestHeader::kCmdSn>(1));
    EXPECT_EQ(order, (std::vector<std::uint32_t>{10, 20, 30}));
    EXPECT_EQ(peer.host.written, data);
}

TEST(Window, HeldCommandsDoNotDisturbThePduThatIsBeingReceived) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    // The first number is skipped by an abort; the second, which is there, is taken up only between PDUs.
    peer.send(peer.command(20, Move::none, 0).put<RequestHeader::kCmdSn>(2));
    Pdu write = peer.command(30, Move::write, 3000);
    write.data = testing::some_data(3000);
    write.put<BasicHeader::kImmediate>(1).put<RequestHeader::kCmdSn>(3);
    const auto bytes = peer.encode(write);
    peer.send_bytes(std::span{bytes}.first(1000));
    peer.connection.sent(0, peer.now);
    peer.send_bytes(std::span{bytes}.subspan(1000));
    EXPECT_EQ(peer.host.written, write.data);
    Pdu abort = peer.management(TaskFunction::abort_task, 10);
    peer.send(abort.put<TaskManagementRequestPdu::kRefCmdSn>(1).put<RequestHeader::kCmdSn>(3));
    EXPECT_EQ(peer.host.commands, 2U);
}

TEST(Window, TooMuchOutOfOrderEndsTheConnection) {
    Peer peer(1, {.max_held_bytes = 4096});
    ASSERT_TRUE(peer.log_in());
    for (std::uint32_t i = 0; i < 3 && !peer.connection.is_over(); ++i) {
        Pdu pdu = peer.command(50 + i, Move::write, 4096);
        pdu.data = testing::some_data(2000);
        peer.send(pdu.put<RequestHeader::kCmdSn>(5 + i));
    }
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Command, TasksEndOnceWhenTheConnectionIsLost) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    peer.send(peer.command(1, Move::read, 4096));
    peer.host.on_command = [](HostTask&) {};
    peer.send(peer.command(2, Move::read, 4096));
    peer.send(peer.command(3, Move::write, 4096));
    peer.connection.transport_lost();
    EXPECT_EQ(peer.host.live(), 2U) << "those that the host still has";
    EXPECT_FALSE(peer.host.is_closed);
    peer.host.respond_good(*peer.host.find(2));
    peer.host.abandon(*peer.host.find(3));
    EXPECT_TRUE(peer.host.is_closed);
    EXPECT_EQ(peer.host.deliveries[1], 3U);
    EXPECT_EQ(peer.host.ended, 3U);
}

TEST(Command, LunAndAttributeReachTheHost) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) {
        EXPECT_EQ(task.lun().value, kLun);
        EXPECT_EQ(task.attribute(), TaskAttribute::head_of_queue);
        peer.host.respond_good(task);
    };
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.command(1, Move::none, 0).put<BasicHeader::kLun>(kLun).put<ScsiCommandPdu::kAttribute>(3));
    peer.send(peer.command(2, Move::none, 0).put<ScsiCommandPdu::kAttribute>(7));
    EXPECT_EQ(peer.host.commands, 1U);
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response);
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 9);
}

}  // namespace
}  // namespace targe::iscsi
