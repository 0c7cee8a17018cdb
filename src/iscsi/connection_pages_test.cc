// Data-in that lie in a pipe: their PDUs, and when the initiator has them.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace targe::iscsi {
namespace {

using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::ScriptedHost;

/// All Data-In PDUs of the task that are there, put together.
std::vector<std::byte> data_of(Peer& peer, std::uint32_t tag) {
    std::vector<std::byte> all;
    for (std::uint32_t n = 0; !peer.answers.empty(); ++n) {
        const Pdu pdu = peer.next();
        EXPECT_EQ(pdu.opcode(), Opcode::data_in);
        EXPECT_EQ(pdu.get<BasicHeader::kInitiatorTaskTag>(), tag);
        EXPECT_EQ(pdu.get<DataInPdu::kDataSn>(), n);
        EXPECT_EQ(pdu.get<DataInPdu::kBufferOffset>(), all.size());
        all.insert(all.end(), pdu.data.begin(), pdu.data.end());
        EXPECT_EQ(pdu.get<DataInPdu::kStatusPresent>() != 0, peer.answers.empty());
    }
    return all;
}

std::vector<std::byte> pattern(std::uint32_t tag, std::size_t size) {
    std::vector<std::byte> out(size);
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = ScriptedHost::pattern(TaskTag{tag}, i);
    }
    return out;
}

class Pages : public ::testing::TestWithParam<std::size_t> {
protected:
    void log_in(std::string_view keys) {
        peer_.max_chunk = GetParam();
        ASSERT_TRUE(peer_.log_in(keys));
        peer_.host.pipes_data = true;
    }
    Peer peer_{static_cast<std::uint32_t>(GetParam())};
};

TEST_P(Pages, LeaveAsOnePdu) {
    log_in("MaxRecvDataSegmentLength=262144;");
    ASSERT_TRUE(peer_.connection.takes_pages());
    peer_.send(peer_.command(7, Move::read, 200'000));
    EXPECT_EQ(data_of(peer_, 7), pattern(7, 200'000));
    EXPECT_EQ(peer_.host.deliveries[0], 1U);
}

// [RFC 7143 11.1]: every segment is padded to whole words, and nothing stands behind a pipe to do it.
TEST_P(Pages, AreCutAtWholeWords) {
    log_in("MaxRecvDataSegmentLength=65539;MaxBurstLength=150001;");
    peer_.send(peer_.command(9, Move::read, 400'000));
    EXPECT_EQ(data_of(peer_, 9), pattern(9, 400'000));
}

TEST_P(Pages, KeepTheirPlaceAmongOtherResponses) {
    log_in("MaxRecvDataSegmentLength=65536;");
    peer_.auto_pump = false;
    for (const std::uint32_t tag : {1U, 2U, 3U}) {
        peer_.host.pipes_data = tag != 2;
        peer_.send(peer_.command(tag, Move::read, 66'000));
    }
    peer_.pump();
    std::vector<std::uint32_t> order;
    while (!peer_.answers.empty()) {
        const Pdu pdu = peer_.next();
        const auto tag = pdu.get<BasicHeader::kInitiatorTaskTag>();
        order.push_back(tag);
        const auto all = pattern(tag, 66'000);
        const auto from = all.begin() + pdu.get<DataInPdu::kBufferOffset>();
        EXPECT_TRUE(std::equal(pdu.data.begin(), pdu.data.end(), from)) << tag;
    }
    EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 1, 2, 2, 3, 3}));
}

INSTANTIATE_TEST_SUITE_P(OfChunks, Pages, ::testing::Values(17, 4099, 100'000, ~std::size_t{0}));

TEST(TakesPages, OnlyWithoutADataDigestAndInLongPdus) {
    for (const auto& [keys, takes] : {std::pair{"MaxRecvDataSegmentLength=65536;", true},
                                      {"MaxRecvDataSegmentLength=65535;", false},
                                      {"MaxRecvDataSegmentLength=65536;HeaderDigest=CRC32C;", true},
                                      {"MaxRecvDataSegmentLength=65536;DataDigest=CRC32C;", false}}) {
        Peer peer;
        ASSERT_TRUE(peer.log_in(keys));
        EXPECT_EQ(peer.connection.takes_pages(), takes) << keys;
    }
}

struct Receipts : ::testing::Test {
    Peer peer{1, {.nop_interval = {}, .nop_timeout = std::chrono::seconds(3)}};

    void SetUp() override { ASSERT_TRUE(peer.log_in()); }
    [[nodiscard]] std::uint32_t ask() {
        peer.connection.ask_for_receipt();
        peer.pump();
        return peer.next().get<ResponseHeader::kTargetTransferTag>();
    }
    void answer(std::uint32_t transfer) {
        Pdu pong = peer.request(Opcode::nop_out);
        pong.put<BasicHeader::kImmediate>(1)
            .put<BasicHeader::kInitiatorTaskTag>(kReservedTag)
            .put<RequestHeader::kTargetTransferTag>(transfer);
        peer.send(pong);
    }
};

TEST_F(Receipts, AreTheAnswerToTheLastPing) {
    const std::uint32_t first = ask();
    const std::uint32_t second = ask();
    ASSERT_NE(first, second);
    answer(first);
    EXPECT_EQ(peer.host.receipts, 0U) << "what was sent after that ping may be on its way";
    answer(second);
    EXPECT_EQ(peer.host.receipts, 1U);
    answer(second);
    EXPECT_EQ(peer.host.receipts, 1U);
    EXPECT_EQ(peer.connection.next_deadline(), std::nullopt);
}

TEST_F(Receipts, ComeBehindWhatWasRespondedBefore) {
    peer.auto_pump = false;
    peer.send(peer.command(1, Move::read, 100'000));
    peer.connection.ask_for_receipt();
    peer.pump();
    while (peer.answers.size() > 1) {
        EXPECT_EQ(peer.next().opcode(), Opcode::data_in);
    }
    EXPECT_EQ(peer.next().opcode(), Opcode::nop_in);
}

// Whoever waits for one must not wait for ever.
TEST_F(Receipts, AreNotWaitedForLongFromAnInitiatorThatTalksOfOtherThings) {
    static_cast<void>(ask());
    for (int second = 0; second < 3; ++second) {
        ASSERT_FALSE(peer.connection.is_over());
        peer.now += std::chrono::seconds(1);
        peer.send(peer.command(5, Move::read, 8));
        peer.connection.tick(peer.now);
    }
    EXPECT_TRUE(peer.connection.is_over());
    EXPECT_EQ(peer.host.logs.back(), "the initiator does not answer pings");
}

}  // namespace
}  // namespace targe::iscsi
