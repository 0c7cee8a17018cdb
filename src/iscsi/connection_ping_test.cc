// Pings of ours: who is asked, and when one that does not answer is given up.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace targe::iscsi {
namespace {

using std::chrono::seconds;
using testing::Move;
using testing::Pdu;
using testing::Peer;

TEST(Nop, InAsksASilentInitiator) {
    Peer peer(1, {.nop_interval = seconds(10), .nop_timeout = seconds(3)});
    ASSERT_TRUE(peer.log_in());
    EXPECT_EQ(peer.connection.next_deadline(), peer.now + seconds(10));
    peer.now += seconds(10);
    peer.connection.tick(peer.now);
    peer.pump();
    const Pdu ping = peer.next();
    EXPECT_EQ(ping.get<BasicHeader::kInitiatorTaskTag>(), kReservedTag);
    EXPECT_NE(ping.get<ResponseHeader::kTargetTransferTag>(), kReservedTag);
    EXPECT_EQ(peer.connection.next_deadline(), peer.now + seconds(3));
    peer.now += seconds(2);
    Pdu pong = peer.request(Opcode::nop_out);
    pong.put<BasicHeader::kImmediate>(1)
        .put<BasicHeader::kInitiatorTaskTag>(kReservedTag)
        .put<RequestHeader::kTargetTransferTag>(ping.get<ResponseHeader::kTargetTransferTag>());
    peer.send(pong);
    EXPECT_TRUE(peer.answers.empty());
    peer.now += seconds(10);
    peer.connection.tick(peer.now);
    peer.pump();
    peer.now += seconds(3);
    peer.connection.tick(peer.now);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Nop, InIsNotMissedByAPeerThatTakesItsTimeForWhatIsBefore) {
    Peer peer(1, {.nop_interval = seconds(10), .nop_timeout = seconds(3)});
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    peer.send(peer.command(1, Move::read, 65536));
    peer.now += seconds(10);
    peer.connection.tick(peer.now);
    for (int step = 0; step < 16; ++step) {
        std::array<base::ConstSegment, 8> some{};
        ASSERT_GT(peer.connection.gather(some), 0U);
        peer.now += seconds(2);
        peer.connection.sent(std::min<std::size_t>(some[0].size, 4000), peer.now);
        peer.connection.tick(peer.now);
        ASSERT_FALSE(peer.connection.is_over()) << "it reads, and has not come to the ping yet";
    }
    peer.now += seconds(3);
    peer.connection.tick(peer.now);
    EXPECT_TRUE(peer.connection.is_over()) << "now it takes nothing";
    EXPECT_EQ(peer.host.logs.back(), "the initiator takes nothing of what is sent");
}

}  // namespace
}  // namespace targe::iscsi
