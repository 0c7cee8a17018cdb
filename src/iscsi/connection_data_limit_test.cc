// How long writes wait for their data.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace targe::iscsi {
namespace {

using testing::Move;
using testing::Peer;
using testing::some_data;

TEST(DataOut, ThatNeverComesEndsTheConnection) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    peer.send(peer.command(5, Move::write, 512));
    ASSERT_EQ(peer.connection.next_deadline(), peer.now + std::chrono::seconds(60));
    peer.connection.tick(peer.now + std::chrono::seconds(59));
    EXPECT_FALSE(peer.connection.is_over());
    peer.connection.tick(peer.now + std::chrono::seconds(60));
    EXPECT_TRUE(peer.connection.is_over());
}

/// Begins writes with the tags from 1 on that all wait for their data; their transfers.
std::vector<std::uint32_t> begin_writes(Peer& peer, std::uint32_t count, std::uint32_t length) {
    std::vector<std::uint32_t> transfers;
    for (std::uint32_t tag = 1; tag <= count; ++tag) {
        peer.send(peer.command(tag, Move::write, length));
        transfers.push_back(peer.next().get<ResponseHeader::kTargetTransferTag>());
    }
    return transfers;
}

TEST(DataOut, OfManyWritesMayComeOneAfterTheOtherOnASlowLink) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    const auto transfers = begin_writes(peer, 4, 512);
    for (std::uint32_t tag = 1; tag <= 4; ++tag) {
        peer.now += std::chrono::seconds(50);
        peer.connection.tick(peer.now);
        ASSERT_FALSE(peer.connection.is_over()) << "after data of write " << tag - 1;
        peer.send(peer.data_out(tag, transfers[tag - 1], 0, 0, some_data(512), true));
        EXPECT_EQ(peer.next().get<ScsiResponsePdu::kStatus>(), 0);
    }
    EXPECT_EQ(peer.connection.next_deadline(), std::nullopt);
}

TEST(DataOut, OfOnePduMayTakeLongOnASlowLink) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    const auto transfers = begin_writes(peer, 2, 4096);
    const auto bytes = peer.encode(peer.data_out(2, transfers[1], 0, 0, some_data(4096), true));
    for (std::size_t sent = 0; sent < bytes.size(); sent += 1036) {
        peer.now += std::chrono::seconds(50);
        peer.connection.tick(peer.now);
        ASSERT_FALSE(peer.connection.is_over()) << sent;
        peer.send_bytes(std::span{bytes}.subspan(sent, 1036));
    }
    peer.connection.tick(peer.now + std::chrono::seconds(60));
    EXPECT_TRUE(peer.connection.is_over()) << "the other write waits, and nothing comes any more";
}

TEST(DataOut, OfOneWriteMayComeInManyPdusOnASlowLink) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    constexpr std::uint32_t kPdus = 16;
    const auto transfers = begin_writes(peer, 1, (kPdus + 1) * 512);
    for (std::uint32_t i = 0; i < kPdus; ++i) {
        peer.now += std::chrono::seconds(50);
        peer.connection.tick(peer.now);
        ASSERT_FALSE(peer.connection.is_over()) << i;
        peer.send(peer.data_out(1, transfers[0], i, i * 512, some_data(512), false));
    }
    peer.connection.tick(peer.now + std::chrono::seconds(60));
    EXPECT_TRUE(peer.connection.is_over()) << "the rest never comes";
}

TEST(DataOut, MayTakeAsLongAsTheirR2tTakesToLeave) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    peer.auto_pump = false;
    peer.send(peer.command(1, Move::read, 4096));
    peer.send(peer.command(2, Move::write, 512));
    std::array<base::ConstSegment, 8> out{};
    ASSERT_GT(peer.connection.gather(out), 0U);
    for (unsigned i = 0; i < 4; ++i) {
        peer.now += std::chrono::seconds(50);
        peer.connection.tick(peer.now);
        ASSERT_FALSE(peer.connection.is_over()) << i;
        peer.connection.sent(1000, peer.now);
        ASSERT_GT(peer.connection.gather(out), 0U);
    }
    peer.connection.tick(peer.now + std::chrono::seconds(60));
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(DataOut, OfOneWriteIsNotAwaitedForEverBesideOthers) {
    Peer peer(1, {.nop_interval = {}, .data_out_timeout = std::chrono::seconds(60)});
    ASSERT_TRUE(peer.log_in("ImmediateData=No;"));
    begin_writes(peer, 1, 512);
    for (std::uint32_t tag = 2; tag < 14; ++tag) {
        ASSERT_FALSE(peer.connection.is_over()) << tag;
        peer.send(peer.command(tag, Move::write, 512));
        const auto transfer = peer.next().get<ResponseHeader::kTargetTransferTag>();
        peer.now += std::chrono::seconds(50);
        peer.send(peer.data_out(tag, transfer, 0, 0, some_data(512), true));
        peer.next();
        peer.connection.tick(peer.now);
    }
    EXPECT_TRUE(peer.connection.is_over());
}

}  // namespace
}  // namespace targe::iscsi
