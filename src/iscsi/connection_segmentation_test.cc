// However the stream is cut, the answer is the same; and digests hold on both ways.
#include "iscsi/testing/session_fuzz.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace targe::iscsi {
namespace {

using testing::Move;
using testing::Pdu;
using testing::Peer;

std::vector<std::byte> answers_to(const std::vector<std::byte>& recorded, std::uint32_t seed,
                                  std::size_t max_chunk) {
    Peer peer(seed);
    peer.parse = false;
    peer.keep_raw = true;
    peer.max_chunk = max_chunk;
    // What is received later may find tasks ended that had to wait before: the windows would differ.
    peer.auto_pump = true;
    for (std::span<const std::byte> rest{recorded}; !rest.empty();) {
        const std::size_t size = std::min(rest.size(), max_chunk);
        peer.send_bytes(rest.first(size));
        rest = rest.subspan(size);
    }
    return peer.raw;
}

TEST(Segmentation, OfTheStreamChangesNothing) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        const auto recorded = testing::record_session(seed, false);
        // Byte by byte every answer leaves before the next request has come, as it did in the recording.
        const auto expected = answers_to(recorded, seed, 1);
        ASSERT_FALSE(expected.empty());
        for (const std::size_t chunk : {2UL, 7UL, 47UL}) {
            ASSERT_EQ(answers_to(recorded, seed, chunk).size(), expected.size())
                << "seed=" << seed << " chunk=" << chunk;
            ASSERT_EQ(answers_to(recorded, seed, chunk), expected) << "seed=" << seed << " chunk=" << chunk;
        }
    }
}

class Digests : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(peer.log_in("HeaderDigest=CRC32C;DataDigest=CRC32C;")); }
    Peer peer;
};

TEST_F(Digests, AreOnEveryPduAfterTheLogin) {
    peer.send(peer.command(1, Move::read, 4097));
    EXPECT_EQ(peer.next().data.size(), 4097U);
    Pdu write = peer.command(2, Move::write, 999);
    write.data = testing::some_data(999);
    peer.send(write);
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    EXPECT_EQ(peer.host.written, write.data);
    EXPECT_FALSE(peer.broken);
}

TEST_F(Digests, OfAHeaderThatAreWrongEndTheConnection) {
    auto bytes = peer.encode(peer.command(1, Move::read, 512));
    bytes[kHeaderSize] ^= std::byte{1};
    peer.send_bytes(bytes);
    EXPECT_TRUE(peer.connection.is_over());
    EXPECT_EQ(peer.host.commands, 0U);
}

TEST_F(Digests, OfWriteDataThatAreWrongFailTheCommand) {
    Pdu write = peer.command(2, Move::write, 1000);
    write.data = testing::some_data(1000);
    auto bytes = peer.encode(write);
    bytes[kHeaderSize + kDigestSize + 500] ^= std::byte{1};
    peer.send_bytes(bytes);
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 2);
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.get<ScsiResponsePdu::kStatus>(), 2);
    EXPECT_EQ(answer.data.at(2 + 12), std::byte{0x47});
    EXPECT_TRUE(peer.host.written.empty());
    peer.send(peer.command(3, Move::none, 0));
    EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
}

TEST_F(Digests, OfOtherDataThatAreWrongDiscardThePdu) {
    Pdu ping = peer.request(Opcode::nop_out);
    ping.data = testing::some_data(20);
    auto bytes = peer.encode(ping);
    bytes.back() ^= std::byte{1};
    peer.send_bytes(bytes);
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 2);
    EXPECT_TRUE(peer.answers.empty());
    EXPECT_FALSE(peer.connection.is_over());
}

TEST(Length, OfADataSegmentIsHeldToWhatWasAgreed) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu ping = peer.request(Opcode::nop_out);
    ping.data.resize(65537);
    peer.send(ping);
    EXPECT_TRUE(peer.connection.is_over());
}

}  // namespace
}  // namespace targe::iscsi
