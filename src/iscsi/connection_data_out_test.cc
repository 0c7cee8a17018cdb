// Writes: immediate, unsolicited and solicited data, and what is wrong with them.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::some_data;

std::vector<std::byte> part(const std::vector<std::byte>& all, std::size_t from, std::size_t size) {
    return {all.begin() + static_cast<std::ptrdiff_t>(from),
            all.begin() + static_cast<std::ptrdiff_t>(from + size)};
}

TEST(DataOut, MayAllBeImmediate) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu pdu = peer.command(5, Move::write, 1001);
    pdu.data = some_data(1001);
    peer.send(pdu);
    EXPECT_EQ(peer.host.written, pdu.data);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
}

TEST(DataOut, IsAskedForWithR2t) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;MaxBurstLength=1024;MaxOutstandingR2T=1;"));
    const auto data = some_data(1500);
    peer.send(peer.command(5, Move::write, 1500).put<BasicHeader::kLun>(77));
    const Pdu first = peer.next();
    ASSERT_EQ(first.opcode(), Opcode::ready_to_transfer);
    EXPECT_EQ(first.get<BasicHeader::kLun>(), 77U);
    EXPECT_EQ(first.get<ReadyToTransferPdu::kR2tSn>(), 0U);
    EXPECT_EQ(first.get<ReadyToTransferPdu::kBufferOffset>(), 0U);
    EXPECT_EQ(first.get<ReadyToTransferPdu::kDesiredDataTransferLength>(), 1024U);
    EXPECT_EQ(first.get<ResponseHeader::kStatSn>(), 1U) << "not taken";
    EXPECT_TRUE(peer.answers.empty());
    const auto transfer = first.get<ResponseHeader::kTargetTransferTag>();
    peer.send(peer.data_out(5, transfer, 0, 0, part(data, 0, 600), false).put<BasicHeader::kLun>(77));
    EXPECT_TRUE(peer.answers.empty());
    peer.send(peer.data_out(5, transfer, 1, 600, part(data, 600, 424), true).put<BasicHeader::kLun>(77));
    const Pdu second = peer.next();
    EXPECT_EQ(second.get<ReadyToTransferPdu::kR2tSn>(), 1U);
    EXPECT_EQ(second.get<ReadyToTransferPdu::kBufferOffset>(), 1024U);
    EXPECT_EQ(second.get<ReadyToTransferPdu::kDesiredDataTransferLength>(), 476U);
    peer.send(peer.data_out(5, second.get<ResponseHeader::kTargetTransferTag>(), 0, 1024,
                            part(data, 1024, 476), true)
                  .put<BasicHeader::kLun>(77));
    EXPECT_EQ(peer.next().get<ResponseHeader::kStatSn>(), 1U);
    EXPECT_EQ(peer.host.written, data);
}

/// Sends the data of one R2T in pieces of random size.
void answer_r2t(Peer& peer, const Pdu& r2t, const std::vector<std::byte>& data, std::size_t max_piece) {
    const std::size_t start = r2t.get<ReadyToTransferPdu::kBufferOffset>();
    const std::size_t end = start + r2t.get<ReadyToTransferPdu::kDesiredDataTransferLength>();
    std::uint32_t data_sn = 0;
    for (std::size_t at = start; at < end;) {
        const std::size_t size = std::min(end - at, peer.random() % max_piece + 1);
        peer.send(peer.data_out(r2t.get<BasicHeader::kInitiatorTaskTag>(),
                                r2t.get<ResponseHeader::kTargetTransferTag>(), data_sn++,
                                static_cast<std::uint32_t>(at), part(data, at, size), at + size == end));
        at += size;
    }
}

/// What one write of random shape is like.
struct Shape {
    explicit Shape(Peer& peer)
        : initial_r2t(peer.random() % 2 == 0),
          immediate(peer.random() % 2 == 0),
          late(peer.random() % 2 == 0),
          first_burst(512 + static_cast<std::uint32_t>(peer.random() % 8192)),
          max_burst(first_burst + static_cast<std::uint32_t>(peer.random() % 8192)),
          length(1 + static_cast<std::uint32_t>(peer.random() % 60000)) {
        keys = (initial_r2t ? "InitialR2T=Yes;" : "InitialR2T=No;") +
               std::string(immediate ? "ImmediateData=Yes;" : "ImmediateData=No;") +
               "FirstBurstLength=" + std::to_string(first_burst) +
               ";MaxBurstLength=" + std::to_string(max_burst) +
               ";MaxOutstandingR2T=" + std::to_string(1 + peer.random() % 12) + ";" +
               (peer.random() % 2 == 0 ? "HeaderDigest=CRC32C;DataDigest=CRC32C;" : "");
        peer.max_chunk = peer.random() % 2 == 0 ? 700 : ~std::size_t{0};
        peer.max_segments = 1 + peer.random() % 9;
    }

    bool initial_r2t;
    bool immediate;
    bool late;  ///< the host has memory only some time after the command
    std::uint32_t first_burst;
    std::uint32_t max_burst;
    std::uint32_t length;
    std::string keys;
};

/// The command, its immediate and its unsolicited data.
void send_unsolicited(Peer& peer, const Shape& shape, const std::vector<std::byte>& data) {
    const std::uint32_t end = std::min(shape.first_burst, shape.length);
    Pdu command = peer.command(9, Move::write, shape.length);
    std::uint32_t sent = shape.immediate ? static_cast<std::uint32_t>(peer.random() % (end + 1)) : 0;
    command.data = part(data, 0, sent);
    const bool more = !shape.initial_r2t && sent < end && peer.random() % 4 != 0;
    peer.send(command.put<BasicHeader::kFinal>(more ? 0 : 1));
    for (std::uint32_t data_sn = 0; more && sent < end;) {
        if (shape.late && !peer.host.find(9)->accepted && peer.random() % 3 == 0) {
            peer.host.accept(*peer.host.find(9), shape.length);
        }
        const auto size = std::min<std::uint32_t>(end - sent, 1 + peer.random() % 3000);
        peer.send(
            peer.data_out(9, kReservedTag, data_sn++, sent, part(data, sent, size), sent + size == end));
        sent += size;
    }
    if (shape.late && !peer.host.find(9)->accepted) {
        peer.host.accept(*peer.host.find(9), shape.length);
        peer.pump();
    }
}

void answer_every_r2t(Peer& peer, const Shape& shape, const std::vector<std::byte>& data) {
    while (!peer.answers.empty()) {
        const Pdu pdu = peer.next();
        if (pdu.opcode() != Opcode::ready_to_transfer) {
            return;
        }
        ASSERT_LE(pdu.get<ReadyToTransferPdu::kDesiredDataTransferLength>(), shape.max_burst);
        answer_r2t(peer, pdu, data, 5000);
    }
}

TEST(DataOut, ComesInEveryShape) {
    for (std::uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Peer peer(seed, {.input_buffer_bytes = 4400});
        const Shape shape(peer);
        ASSERT_TRUE(peer.log_in(shape.keys));
        if (shape.late) {
            peer.host.on_command = [](HostTask&) {};
        }
        const auto data = some_data(shape.length, seed);
        send_unsolicited(peer, shape, data);
        answer_every_r2t(peer, shape, data);
        ASSERT_EQ(peer.host.written, data);
        ASSERT_TRUE(peer.host.failures.empty());
        ASSERT_FALSE(peer.broken);
        if (shape.late) {
            peer.host.respond_good(*peer.host.find(9));
            peer.pump();
        }
        ASSERT_EQ(peer.host.deliveries[0], 1U);
    }
}

TEST(DataOut, SeveralR2tsMayBeUnderWay) {
    Peer peer;
    ASSERT_TRUE(
        peer.log_in("ImmediateData=No;MaxBurstLength=1024;FirstBurstLength=512;MaxOutstandingR2T=3;"));
    const auto data = some_data(5000);
    peer.send(peer.command(5, Move::write, 5000));
    ASSERT_EQ(peer.answers.size(), 3U);
    const Pdu a = peer.next();
    const Pdu b = peer.next();
    const Pdu c = peer.next();
    answer_r2t(peer, b, data, 5000);
    ASSERT_EQ(peer.answers.size(), 1U) << "one is done, one more may be asked for";
    answer_r2t(peer, c, data, 5000);
    answer_r2t(peer, a, data, 5000);
    ASSERT_EQ(peer.answers.size(), 2U);
    answer_r2t(peer, peer.next(), data, 100);
    answer_r2t(peer, peer.next(), data, 100);
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response);
    EXPECT_EQ(peer.host.written, data);
}

TEST(DataOut, OutOfOrderNeverEndsInGood) {
    const auto data = some_data(1024);
    for (const std::uint32_t wrong : {1U, 27U, 0xffff'ffffU}) {
        Peer peer;
        ASSERT_TRUE(peer.log_in("ImmediateData=No;InitialR2T=No;FirstBurstLength=1024;"));
        peer.send(peer.command(5, Move::write, 1024).put<BasicHeader::kFinal>(0));
        peer.send(peer.data_out(5, kReservedTag, 0, 0, part(data, 0, 512), false));
        peer.send(peer.data_out(5, kReservedTag, 1 + wrong, 512, part(data, 512, 512), true));
        const Pdu answer = peer.next();
        EXPECT_EQ(answer.get<ScsiResponsePdu::kStatus>(), 2);
        EXPECT_EQ(peer.host.failures, std::vector{DataOutFailure::digest_error});
        EXPECT_FALSE(peer.connection.is_over());
    }
}

TEST(DataOut, ThatIsWrongFailsTheCommandAndKeepsTheConnection) {
    struct Case {
        std::uint32_t offset;
        std::uint32_t size;
        bool final;
        DataOutFailure failure;
    };
    const auto data = some_data(4096);
    for (const Case& wrong : {Case{1, 1024, true, DataOutFailure::digest_error},
                              Case{0xffff'ff00, 1024, true, DataOutFailure::digest_error},
                              Case{0, 2048, true, DataOutFailure::incorrect_amount},
                              Case{0, 512, true, DataOutFailure::incorrect_amount},
                              Case{0, 1024, false, DataOutFailure::incorrect_amount}}) {
        Peer peer;
        ASSERT_TRUE(peer.log_in("ImmediateData=No;MaxBurstLength=1024;FirstBurstLength=512;"));
        peer.send(peer.command(5, Move::write, 1024));
        const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
        peer.send(peer.data_out(5, transfer, 0, wrong.offset, part(data, 0, wrong.size), wrong.final));
        EXPECT_EQ(peer.host.failures, std::vector{wrong.failure}) << wrong.offset << ' ' << wrong.size;
        EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 2);
        peer.send(peer.command(6, Move::none, 0));
        EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    }
}

TEST(DataOut, WithoutLeaveIsUnexpected) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;InitialR2T=Yes;"));
    Pdu command = peer.command(5, Move::write, 512);
    command.data = some_data(512);
    peer.send(command);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 2);
    peer.send(peer.command(6, Move::write, 512).put<BasicHeader::kFinal>(0));
    (void)peer.next();
    peer.send(peer.data_out(6, kReservedTag, 0, 0, some_data(512), true));
    EXPECT_EQ(peer.host.failures.size(), 1U) << "the R2T that is under way is still waited for";
    peer.send(peer.management(TaskFunction::target_warm_reset));
    EXPECT_EQ(peer.host.live(), 0U);
    EXPECT_EQ(peer.host.failures.front(), DataOutFailure::unexpected_unsolicited);
}

TEST(DataOut, WithoutLeaveFailsAWriteThatIsNotAllHere) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;InitialR2T=Yes;"));
    peer.send(peer.command(5, Move::write, 512));
    const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
    peer.send(peer.data_out(5, kReservedTag, 0, 0, some_data(512), true));
    EXPECT_TRUE(peer.host.failures.empty()) << "the data that were asked for are to come";
    peer.send(peer.data_out(5, transfer, 0, 0, some_data(512), true));
    EXPECT_EQ(peer.host.failures, std::vector{DataOutFailure::unexpected_unsolicited});
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 2);
}

TEST(DataOut, ThatIsAllHereIsToldOnce) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) { peer.host.accept(task, 512); };  // and goes on executing
    ASSERT_TRUE(peer.log_in());
    Pdu command = peer.command(5, Move::write, 512);
    command.data = some_data(512);
    peer.send(command);
    EXPECT_EQ(peer.host.written, command.data);
    peer.send(peer.data_out(5, kReservedTag, 0, 0, some_data(512), true));
    EXPECT_TRUE(peer.host.failures.empty());
    peer.host.respond_good(*peer.host.find(5));
}

TEST(DataOut, ThatComesBeforeItsMemoryMayBeMoreThanIsWanted) {
    Peer peer;
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    Pdu command = peer.command(5, Move::write, 2048);
    command.data = some_data(2048);
    peer.send(command);
    peer.host.accept(*peer.host.find(5), 700);
    EXPECT_EQ(peer.host.written, part(command.data, 0, 700));
    peer.host.respond_good(*peer.host.find(5));
}

TEST(DataOut, ForAnotherTransferIsRejected) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    peer.send(peer.command(5, Move::write, 512));
    const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
    peer.send(peer.data_out(5, transfer + 1, 0, 0, some_data(512), true));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 9);
    peer.send(peer.data_out(5, transfer, 0, 0, some_data(512), true).put<BasicHeader::kLun>(1));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 9);
    peer.send(peer.data_out(5, transfer, 0, 0, some_data(512), true));
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
}

TEST(DataOut, OfNobodyIsDropped) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.data_out(5, 3, 0, 0, some_data(512), true));
    EXPECT_TRUE(peer.answers.empty());
    EXPECT_FALSE(peer.connection.is_over());
}

TEST(DataOut, ThatTheHostDoesNotWantPassesByBeforeTheResponse) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) { peer.host.respond_check(task, 5, 0x2000); };
    ASSERT_TRUE(peer.log_in("InitialR2T=No;FirstBurstLength=2048;"));
    Pdu command = peer.command(5, Move::write, 2048);
    command.data = some_data(512);
    peer.send(command.put<BasicHeader::kFinal>(0));
    EXPECT_TRUE(peer.answers.empty());
    peer.send(peer.data_out(5, kReservedTag, 0, 512, some_data(1536), true));
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 2);
}

TEST(DataOut, BeyondWhatTheHostWantsIsDropped) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) { peer.host.accept(task, 700); };
    ASSERT_TRUE(peer.log_in());
    Pdu command = peer.command(5, Move::write, 2048);
    command.data = some_data(2048);
    peer.send(command);
    EXPECT_EQ(peer.host.written, part(command.data, 0, 700));
    peer.host.respond_good(*peer.host.find(5));
}

TEST(DataOut, ThatComesBeforeItsMemoryIsKeptWithinALimit) {
    Peer peer(1, {.max_held_bytes = 1000});
    peer.host.on_command = [](HostTask&) {};
    ASSERT_TRUE(peer.log_in());
    for (std::uint32_t tag = 1; tag <= 2; ++tag) {
        Pdu command = peer.command(tag, Move::write, 600);
        command.data = some_data(600, tag);
        peer.send(command);
    }
    peer.host.accept(*peer.host.find(1), 600);
    EXPECT_EQ(peer.host.written, some_data(600, 1));
    peer.host.accept(*peer.host.find(2), 600);
    EXPECT_EQ(peer.host.failures, std::vector{DataOutFailure::no_room});
    peer.pump();
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 8);
    peer.host.respond_good(*peer.host.find(1));
}

TEST(DataOut, GoesStraightToItsMemory) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    peer.send(peer.command(5, Move::write, 65536));
    const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
    const auto bytes = peer.encode(peer.data_out(5, transfer, 0, 0, some_data(65536), true));
    peer.send_bytes(std::span{bytes}.first(kHeaderSize));
    const auto space = peer.connection.receive_space();
    ASSERT_EQ(space.size(), 4U);
    EXPECT_EQ(space[0].data, peer.host.find(5)->memory.data());
    EXPECT_EQ(space[0].size + space[1].size + space[2].size, 65536U);
    EXPECT_LT(space[3].size, 4096U) << "not enough to draw in the next data";
    peer.send_bytes(std::span{bytes}.subspan(kHeaderSize));
    EXPECT_EQ(peer.host.written, some_data(65536));
}

TEST(DataOut, MemoryOfAnAbortedTaskIsNotGivenBackUnderAReceive) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;DataDigest=CRC32C;"));
    peer.send(peer.command(5, Move::write, 8192));
    const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
    const auto bytes = peer.encode(peer.data_out(5, transfer, 0, 0, some_data(8192), true));
    peer.send_bytes(std::span{bytes}.first(kHeaderSize + 100));
    const auto space = peer.connection.receive_space();
    HostTask& task = *peer.host.find(5);
    peer.host.abandon(task);
    EXPECT_TRUE(task.live) << "the receive may still write";
    std::fill_n(space[0].data, 50, std::byte{1});
    peer.connection.received(50, peer.now);
    EXPECT_FALSE(task.live);
    peer.send_bytes(std::span{bytes}.subspan(kHeaderSize + 150));
    EXPECT_TRUE(peer.answers.empty());
    peer.send(peer.command(6, Move::read, 16));
    EXPECT_EQ(peer.next().opcode(), Opcode::data_in);
}

TEST(DataOut, MemoryOfAnAbortedTaskIsGivenBackWhenTheReceiveCameToNothing) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    peer.send(peer.command(5, Move::write, 8192));
    const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
    const auto bytes = peer.encode(peer.data_out(5, transfer, 0, 0, some_data(8192), true));
    peer.send_bytes(std::span{bytes}.first(kHeaderSize + 100));
    ASSERT_FALSE(peer.connection.receive_space().empty());
    HostTask& task = *peer.host.find(5);
    peer.host.abandon(task);
    EXPECT_TRUE(task.live);
    // Nothing was there; the stream asks once more before it looks again, and then the peer is gone.
    ASSERT_FALSE(peer.connection.receive_space().empty());
    EXPECT_FALSE(task.live);
    peer.connection.transport_lost();
    EXPECT_TRUE(peer.host.is_closed);
}

}  // namespace
}  // namespace targe::iscsi
