// Text requests that take several PDUs, and what holds meanwhile.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

namespace targe::iscsi {
namespace {

using testing::Move;
using testing::Pdu;
using testing::Peer;

/// The length of the first Data-In of a read that is answered with 1024 bytes.
std::size_t segment_length(Peer& peer) {
    peer.send(peer.command(1, Move::read, 1024));
    const std::size_t length = peer.next().data.size();
    peer.answers.clear();
    return length;
}

/// Says this, and perhaps that it is all; the tag with which the exchange goes on.
std::uint32_t say(Peer& peer, std::string_view text, bool final, std::uint32_t transfer = kReservedTag) {
    Pdu ask = peer.request(Opcode::text_request);
    ask.put<BasicHeader::kFinal>(final ? 1 : 0).put<RequestHeader::kTargetTransferTag>(transfer);
    ask.data = testing::bytes_of(text);
    peer.send(ask);
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::text_response);
    EXPECT_EQ(answer.get<BasicHeader::kFinal>(), final ? 1 : 0);
    return answer.get<ResponseHeader::kTargetTransferTag>();
}

TEST(TextExchange, ChangesNothingBeforeItsEnd) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    const std::uint32_t transfer = say(peer, "MaxRecvDataSegmentLength=512;", false);
    EXPECT_EQ(segment_length(peer), 1024U);
    EXPECT_EQ(say(peer, "InitiatorAlias=me;", true, transfer), kReservedTag);
    EXPECT_EQ(segment_length(peer), 512U);
    EXPECT_EQ(peer.connection.parameters().initiator_alias, "me");
}

TEST(TextExchange, ThatIsNotFinishedChangesNothing) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=512;"));
    (void)say(peer, "MaxRecvDataSegmentLength=4096;", false);
    (void)say(peer, "InitiatorAlias=me;", true);
    EXPECT_EQ(segment_length(peer), 512U);
}

// [RFC 7143 6.4]: no key twice in one sequence. What it said first does not hold either.
TEST(TextExchange, EndsWhereAKeyComesAgain) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=4096;"));
    const std::uint32_t transfer = say(peer, "MaxRecvDataSegmentLength=512;", false);
    Pdu again = peer.request(Opcode::text_request);
    again.put<BasicHeader::kFinal>(1).put<RequestHeader::kTargetTransferTag>(transfer);
    again.data = testing::bytes_of("MaxRecvDataSegmentLength=1024;");
    peer.send(again);
    const Pdu refused = peer.next();
    ASSERT_EQ(refused.opcode(), Opcode::reject);
    EXPECT_EQ(refused.get<RejectPdu::kReason>(), static_cast<unsigned>(RejectReason::protocol_error));
    EXPECT_EQ(segment_length(peer), 1024U);
    EXPECT_EQ(peer.connection.parameters().initiator_max_recv_data_segment_length, 4096U);
    // In another it may be declared.
    EXPECT_EQ(say(peer, "MaxRecvDataSegmentLength=512;", true), kReservedTag);
    EXPECT_EQ(segment_length(peer), 512U);
}

// [RFC 7143 6.2]: what is said before the answer was complete would be lost without a word.
TEST(TextExchange, EndsWhereTheAnswerIsInterrupted) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=512;"));
    std::string keys;
    for (int i = 0; i < 40; ++i) {
        keys += "Unknown" + std::to_string(i) + "=1;";
    }
    Pdu ask = peer.request(Opcode::text_request);
    ask.put<BasicHeader::kFinal>(1).put<RequestHeader::kTargetTransferTag>(kReservedTag);
    ask.data = testing::bytes_of(keys);
    peer.send(ask);
    const Pdu half = peer.next();
    ASSERT_EQ(half.opcode(), Opcode::text_response);
    ASSERT_EQ(half.get<TextResponsePdu::kContinue>(), 1);
    Pdu more = peer.request(Opcode::text_request);
    more.put<BasicHeader::kFinal>(1).put<RequestHeader::kTargetTransferTag>(
        half.get<ResponseHeader::kTargetTransferTag>());
    more.data = testing::bytes_of("InitiatorAlias=me;");
    peer.send(more);
    EXPECT_EQ(peer.next().opcode(), Opcode::reject);
    EXPECT_EQ(peer.connection.parameters().initiator_alias, "");
}

}  // namespace
}  // namespace targe::iscsi
