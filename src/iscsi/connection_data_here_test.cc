// Data without memory of their own: of writes, taken from where they were received; of reads, copied when
// they are sent.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace targe::iscsi {
namespace {

using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::some_data;

/// What the host took without memory of its own: the data of `size` bytes, sent in two pieces when cut.
std::size_t taken_here(Peer& peer, std::uint32_t size, std::size_t cut) {
    peer.host.takes_data_here = true;
    const std::size_t before = peer.host.taken_here;
    Pdu pdu = peer.command(5, Move::write, size);
    pdu.data = some_data(size);
    const std::vector<std::byte> bytes = peer.encode(pdu);
    peer.send_bytes(std::span(bytes).first(cut));
    peer.send_bytes(std::span(bytes).subspan(cut));
    peer.pump();
    EXPECT_EQ(peer.host.written, pdu.data);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    EXPECT_TRUE(peer.answers.empty());
    EXPECT_EQ(peer.host.live(), 0U);
    return peer.host.taken_here - before;
}

TEST(DataHere, MayBeTakenFromWhereItWasReceived) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    EXPECT_EQ(taken_here(peer, 1001, 0), 1U) << "with padding";
    EXPECT_EQ(taken_here(peer, 1000, 0), 1U);
    EXPECT_EQ(taken_here(peer, 1000, 1047), 0U) << "not all of it has come";
}

TEST(DataHere, IsNotTakenBeforeItsDigestWasCompared) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("DataDigest=CRC32C;"));
    EXPECT_EQ(taken_here(peer, 1000, 0), 0U);
}

TEST(DataHere, IsNotTakenWhereMoreIsToCome) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.host.takes_data_here = true;
    Pdu pdu = peer.command(5, Move::write, 2000);
    pdu.data = some_data(1000);
    peer.send(pdu);
    EXPECT_EQ(peer.host.taken_here, 0U);
    EXPECT_EQ(peer.next().opcode(), Opcode::ready_to_transfer);
}

TEST(DataHere, ThatWereTakenAreNotKeptOnceMore) {
    Peer peer(1, {.max_held_bytes = 1000});
    ASSERT_TRUE(peer.log_in());
    peer.host.takes_data_here = peer.host.answers_later = true;
    const auto write = [&](std::uint32_t tag) {
        Pdu pdu = peer.command(tag, Move::write, 600);
        pdu.data = some_data(600, tag);
        peer.send(pdu);
        EXPECT_EQ(peer.host.written, some_data(600, tag));
    };
    for (const std::uint32_t tag : {1U, 2U, 3U}) {
        write(tag);
    }
    // What comes before its memory still finds all of the room.
    peer.host.on_command = [](HostTask&) {};
    Pdu pdu = peer.command(4, Move::write, 1000);
    pdu.data = some_data(1000, 4);
    peer.send(pdu);
    peer.host.accept(*peer.host.find(4), 1000);
    EXPECT_EQ(peer.host.written, some_data(1000, 4));
    EXPECT_TRUE(peer.host.failures.empty());
    for (const std::uint32_t tag : {1U, 2U, 3U}) {
        peer.host.respond_good(*peer.host.find(tag));
        EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    }
}

/// How much may come at a time before a command.
std::size_t room_for_commands(Peer& peer) {
    return base::total_size(peer.connection.receive_space());
}

TEST(RoomBeforeACommand, IsForABatchOfShortWrites) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    EXPECT_EQ(taken_here(peer, 4096, 0), 1U);
    EXPECT_GE(room_for_commands(peer), 32U * (4096 + 48));
}

TEST(RoomBeforeACommand, IsShortWhileDataAreLong) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu pdu = peer.command(5, Move::write, 65536);
    pdu.data = some_data(65536);
    peer.send(pdu);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    EXPECT_LE(room_for_commands(peer), 2048U) << "the data of the next would go to the buffer, and be copied";
    peer.connection.received(0, peer.now);
    peer.send(peer.command(6, Move::read, 512));
    EXPECT_EQ(peer.next().opcode(), Opcode::data_in);
    EXPECT_LE(room_for_commands(peer), 2048U) << "a command without data says nothing of them";
    peer.connection.received(0, peer.now);
    peer.host.takes_data_here = false;
    pdu = peer.command(7, Move::write, 4096);
    pdu.data = some_data(4096);
    peer.send(pdu);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    EXPECT_GE(room_for_commands(peer), 65536U);
}

TEST(DataInThatMayChange, MayChangeOnceItIsBeingSent) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("DataDigest=CRC32C;MaxRecvDataSegmentLength=4096;"));
    constexpr std::uint32_t kSize = 30001;
    peer.host.data_may_change = true;
    peer.auto_pump = false;
    peer.send(peer.command(5, Move::read, kSize));
    std::array<base::ConstSegment, 64> out{};
    ASSERT_GT(peer.connection.gather(out), 0U);  // from now on its digests are made
    HostTask* const task = peer.host.find(5);
    ASSERT_NE(task, nullptr);
    std::ranges::fill(task->in_memory, std::byte{0xee});
    peer.pump();  // compares the digests
    EXPECT_FALSE(peer.broken);
    std::vector<std::byte> received;
    while (!peer.answers.empty()) {
        const Pdu pdu = peer.next();
        ASSERT_EQ(pdu.opcode(), Opcode::data_in);
        received.insert(received.end(), pdu.data.begin(), pdu.data.end());
    }
    ASSERT_EQ(received.size(), kSize);
    for (std::size_t i = 0; i < received.size(); ++i) {
        ASSERT_EQ(received[i], testing::ScriptedHost::pattern(TaskTag{5}, i)) << i;
    }
}

TEST(DataInThatMayChange, IsSentInPortions) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("DataDigest=CRC32C;MaxRecvDataSegmentLength=262144;"));
    peer.host.data_may_change = true;
    peer.auto_pump = false;
    constexpr std::uint32_t kSize = 1U << 20U;
    peer.send(peer.command(5, Move::read, kSize));
    peer.send(peer.command(6, Move::read, kSize));
    std::array<base::ConstSegment, 64> out{};
    const std::size_t count = peer.connection.gather(out);
    EXPECT_LT(base::total_size(std::span(out).first(count)), kSize) << "more than stays at hand";
    peer.pump();
    EXPECT_FALSE(peer.broken);
    std::size_t received = 0;
    while (!peer.answers.empty()) {
        received += peer.next().data.size();
    }
    EXPECT_EQ(received, 2 * kSize);
}

}  // namespace
}  // namespace targe::iscsi
