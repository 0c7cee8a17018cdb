// Writes whose data a host takes from where they were received.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <vector>

namespace targe::iscsi {
namespace {

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

}  // namespace
}  // namespace targe::iscsi
