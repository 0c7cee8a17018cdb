// Login as the connection does it, echoes, text, logout, rejects, messages, time-outs.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <chrono>

namespace targe::iscsi {
namespace {

using std::chrono::seconds;
using testing::bytes_of;
using testing::HostTask;
using testing::Move;
using testing::Pdu;
using testing::Peer;
using testing::text_of;

TEST(ConnectionLogin, ThatIsRefusedEndsWhenTheAnswerHasLeft) {
    Peer peer;
    peer.auto_pump = false;
    Pdu pdu = peer.request(Opcode::login_request);
    pdu.put<BasicHeader::kImmediate>(1)
        .put<LoginRequestPdu::kCurrentStage>(1)
        .put<LoginRequestPdu::kNextStage>(3);
    pdu.put<RequestHeader::kTargetTransferTag>(0);
    pdu.data = bytes_of("InitiatorName=iqn.2026-11.test:peer;TargetName=iqn.2026-11.test:nothing;");
    peer.send(pdu);
    EXPECT_FALSE(peer.connection.is_over());
    peer.pump();
    EXPECT_EQ(peer.next().get<LoginResponsePdu::kStatusClass>(), 2);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(ConnectionLogin, AnythingElseFirstEndsTheConnection) {
    Peer peer;
    peer.send(peer.command(1, Move::none, 0));
    EXPECT_TRUE(peer.connection.is_over());
    EXPECT_EQ(peer.host.logs.size(), 1U);
}

TEST(ConnectionLogin, WaitsForTheHost) {
    Peer peer;
    peer.host.establish_at_once = false;
    EXPECT_FALSE(peer.log_in());
    const auto early = peer.encode(peer.command(1, Move::none, 0));
    peer.send_bytes(early);
    EXPECT_EQ(peer.host.commands, 0U);
    peer.connection.established(5);
    peer.pump();
    const Pdu login = peer.next();
    EXPECT_EQ(login.get<LoginResponsePdu::kTargetSessionHandle>(), 5);
    EXPECT_EQ(peer.next().opcode(), Opcode::scsi_response);
}

TEST(ConnectionLogin, GoesOnWithWhatItsSessionHasAgreedOn) {
    Peer peer;
    peer.host.establish_at_once = false;
    EXPECT_FALSE(peer.log_in("MaxRecvDataSegmentLength=512;"));
    SessionParameters session;
    session.max_burst_length = 1024;
    session.immediate_data = false;
    peer.connection.use(continued(session, peer.connection.parameters()));
    peer.connection.established(5);
    peer.pump();
    EXPECT_EQ(peer.next().opcode(), Opcode::login_response);
    peer.send(peer.command(1, Move::write, 4096));
    EXPECT_EQ(peer.next().get<ReadyToTransferPdu::kDesiredDataTransferLength>(), 1024U);
    peer.send(peer.command(2, Move::read, 2048));
    const Pdu data = peer.next();
    EXPECT_EQ(data.data.size(), 512U);
    EXPECT_EQ(data.get<BasicHeader::kFinal>(), 0);
    EXPECT_EQ(peer.next().get<BasicHeader::kFinal>(), 1) << "of a burst";
}

TEST(ConnectionLogin, MayBeRefusedByTheHost) {
    Peer peer;
    peer.host.establish_at_once = false;
    EXPECT_FALSE(peer.log_in());
    peer.connection.refused(LoginStatus::out_of_resources, "too many sessions");
    peer.pump();
    EXPECT_EQ(peer.next().get<LoginResponsePdu::kStatusDetail>(), 2);
    EXPECT_TRUE(peer.connection.is_over());
    peer.connection.established(1);
    EXPECT_FALSE(peer.connection.in_full_feature_phase());
}

TEST(ConnectionLogin, ThatTakesTooLongEndsTheConnection) {
    Peer peer(1, {.login_timeout = seconds(5)});
    EXPECT_EQ(peer.connection.next_deadline(), peer.now + seconds(5));
    peer.connection.tick(peer.now + seconds(5));
    EXPECT_TRUE(peer.connection.is_over());
    Peer other;
    ASSERT_TRUE(other.log_in());
    other.connection.tick(other.now + seconds(20));
    EXPECT_FALSE(other.connection.is_over());
}

TEST(ConnectionLogin, ThatWaitsForAnOlderSessionTooLongSaysSo) {
    Peer peer(1, {.login_timeout = seconds(5)});
    peer.host.establish_at_once = false;
    EXPECT_FALSE(peer.log_in());
    peer.connection.tick(peer.now + seconds(5));
    EXPECT_TRUE(peer.connection.is_over());
    ASSERT_FALSE(peer.host.logs.empty());
    EXPECT_NE(peer.host.logs.back().find("takes the place of"), std::string::npos) << peer.host.logs.back();
}

TEST(ConnectionLogin, AgainIsAProtocolError) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.send(peer.request(Opcode::login_request).put<BasicHeader::kImmediate>(1));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 4);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Nop, OutIsEchoed) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=512;"));
    Pdu ping = peer.request(Opcode::nop_out);
    ping.data = testing::some_data(600);
    peer.send(ping);
    const Pdu echo = peer.next();
    EXPECT_EQ(echo.opcode(), Opcode::nop_in);
    EXPECT_EQ(echo.get<BasicHeader::kInitiatorTaskTag>(), 0x1000U);
    EXPECT_EQ(echo.get<ResponseHeader::kTargetTransferTag>(), kReservedTag);
    ping.data.resize(512);
    EXPECT_EQ(echo.data, ping.data);
    EXPECT_EQ(echo.get<ResponseHeader::kExpCmdSn>(), 2U);
}

TEST(Text, SendTargetsListsThemInDiscovery) {
    Peer peer;
    ASSERT_TRUE(peer.log_in_to_discover());
    Pdu ask = peer.request(Opcode::text_request);
    ask.data = bytes_of("SendTargets=All;");
    peer.send(ask);
    const Pdu answer = peer.next();
    EXPECT_EQ(answer.opcode(), Opcode::text_response);
    EXPECT_EQ(answer.get<BasicHeader::kFinal>(), 1);
    EXPECT_EQ(answer.get<ResponseHeader::kTargetTransferTag>(), kReservedTag);
    EXPECT_EQ(text_of(answer.data),
              "TargetName=iqn.2026-11.test:disk;TargetAddress=192.0.2.1:3260,1;"
              "TargetName=iqn.2026-11.test:tape;TargetAddress=192.0.2.1:3260,1;");
    peer.send(peer.command(1, Move::none, 0));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 5);
}

TEST(Text, LongAnswersTakeSeveralPdus) {
    Peer peer;
    peer.directory.extra_targets = 400;
    ASSERT_TRUE(peer.log_in_to_discover());
    Pdu ask = peer.request(Opcode::text_request);
    ask.data = bytes_of("SendTargets=");
    ask.put<TextRequestPdu::kContinue>(1).put<BasicHeader::kFinal>(0);
    peer.send(ask);
    Pdu answer = peer.next();
    EXPECT_TRUE(answer.data.empty());
    ask = peer.request(Opcode::text_request);
    ask.data = bytes_of("All;");
    std::string all;
    int pdus = 0;
    for (;;) {
        ask.put<RequestHeader::kTargetTransferTag>(answer.get<ResponseHeader::kTargetTransferTag>());
        peer.send(ask);
        answer = peer.next();
        ASSERT_EQ(answer.opcode(), Opcode::text_response);
        ++pdus;
        all += text_of(answer.data);
        if (answer.get<BasicHeader::kFinal>() != 0) {
            break;
        }
        EXPECT_EQ(answer.get<TextResponsePdu::kContinue>(), 1);
        ask = peer.request(Opcode::text_request);
    }
    EXPECT_GT(pdus, 2);
    EXPECT_NE(all.find("extra399;TargetAddress=192.0.2.1:3260,1;"), std::string::npos);
    peer.send(ask);
    EXPECT_EQ(peer.next().opcode(), Opcode::reject) << "its number is out of the window, or its tag is old";
}

TEST(Text, CannotEndAndGoOnAtOnce) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu ask = peer.request(Opcode::text_request);
    ask.data = bytes_of("SendTargets=");
    peer.send(ask.put<TextRequestPdu::kContinue>(1));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 4);
    EXPECT_FALSE(peer.connection.is_over());
}

TEST(Discovery, ThatIsIdleIsEndedAndNotPinged) {
    Peer peer(1, {.nop_interval = seconds(10)});
    ASSERT_TRUE(peer.log_in_to_discover());
    peer.connection.tick(peer.now + seconds(10));
    EXPECT_TRUE(peer.connection.is_over());
    EXPECT_FALSE(peer.connection.has_output());
}

TEST(Text, MayChangeTheLengthOfSegments) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu ask = peer.request(Opcode::text_request);
    ask.data = bytes_of("MaxRecvDataSegmentLength=512;");
    peer.send(ask);
    EXPECT_EQ(peer.next().opcode(), Opcode::text_response);
    peer.send(peer.command(1, Move::read, 1024));
    EXPECT_EQ(peer.next().data.size(), 512U);
}

TEST(Logout, ClosesTheSessionWhenEveryTaskHasEnded) {
    for (const int reason : {0, 1}) {
        Peer peer;
        peer.host.on_command = [](HostTask&) {};
        ASSERT_TRUE(peer.log_in());
        peer.send(peer.command(1, Move::none, 0));
        Pdu logout = peer.request(Opcode::logout_request);
        logout.put<LogoutRequestPdu::kReason>(static_cast<std::uint64_t>(reason))
            .put<LogoutRequestPdu::kConnectionId>(1);
        peer.send(logout);
        EXPECT_TRUE(peer.host.logged_out);
        EXPECT_EQ(peer.host.live(), 0U);
        const Pdu answer = peer.next();
        EXPECT_EQ(answer.opcode(), Opcode::logout_response);
        EXPECT_EQ(answer.get<LogoutResponsePdu::kResponse>(), 0);
        EXPECT_EQ(answer.get<LogoutResponsePdu::kTime2Wait>(), 2);
        EXPECT_TRUE(peer.connection.is_over());
    }
}

TEST(Logout, DoesNotAwaitDataThatNobodySends) {
    Peer peer;
    peer.host.on_command = [&](HostTask& task) { peer.host.respond_check(task, 5, 0x2400); };
    ASSERT_TRUE(peer.log_in("InitialR2T=No;"));
    peer.send(peer.command(1, Move::write, 4096).put<BasicHeader::kFinal>(0));
    EXPECT_TRUE(peer.answers.empty()) << "unsolicited data are to come first";
    peer.send(peer.request(Opcode::logout_request));
    EXPECT_EQ(peer.next().opcode(), Opcode::logout_response);
    EXPECT_EQ(peer.host.live(), 0U);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Logout, OfOtherConnectionsAndForRecoveryIsRefused) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    Pdu logout = peer.request(Opcode::logout_request);
    peer.send(logout.put<LogoutRequestPdu::kReason>(1).put<LogoutRequestPdu::kConnectionId>(9));
    EXPECT_EQ(peer.next().get<LogoutResponsePdu::kResponse>(), 1);
    logout = peer.request(Opcode::logout_request);
    peer.send(logout.put<LogoutRequestPdu::kReason>(2).put<LogoutRequestPdu::kConnectionId>(1));
    EXPECT_EQ(peer.next().get<LogoutResponsePdu::kResponse>(), 2);
    logout = peer.request(Opcode::logout_request);
    peer.send(logout.put<LogoutRequestPdu::kReason>(3));
    EXPECT_EQ(peer.next().get<RejectPdu::kReason>(), 9);
    EXPECT_FALSE(peer.connection.is_over());
}

TEST(Reject, AnswersWhatIsNotSupportedWithItsHeader) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    for (const int opcode : {0x10, 0x1c, 0x07, 0x21, 0x3f}) {
        Pdu pdu;
        pdu.put<BasicHeader::kOpcode>(static_cast<std::uint64_t>(opcode)).put<RequestHeader::kCmdSn>(900);
        peer.send(pdu);
        const Pdu answer = peer.next();
        EXPECT_EQ(answer.get<RejectPdu::kReason>(), opcode == 0x10 ? 3 : 5);
        EXPECT_EQ(answer.get<BasicHeader::kInitiatorTaskTag>(), kReservedTag);
        EXPECT_TRUE(std::ranges::equal(answer.data, pdu.header));
    }
}

TEST(Async, AnEventSaysWhatRfc7143Asks) {
    Peer peer(1, {.nop_interval = {}});
    ASSERT_TRUE(peer.log_in());
    peer.send(
        peer.request(Opcode::nop_out).put<BasicHeader::kFinal>(1).put<BasicHeader::kInitiatorTaskTag>(5));
    const std::uint32_t stat_sn = peer.next().get<ResponseHeader::kStatSn>();
    const std::vector<std::byte> sense = testing::some_data(18);
    constexpr std::uint64_t kLun = std::uint64_t{5} << 48U;
    peer.connection.report_event(Lun{kLun}, sense);
    peer.pump();
    const Pdu event = peer.next();
    EXPECT_EQ(event.opcode(), Opcode::async_message);
    EXPECT_EQ(event.header[1], std::byte{0x80});
    EXPECT_EQ(event.get<BasicHeader::kLun>(), kLun);
    EXPECT_EQ(event.get<BasicHeader::kInitiatorTaskTag>(), kReservedTag);
    EXPECT_EQ(event.get<ResponseHeader::kStatSn>(), stat_sn + 1) << "it has a number of its own";
    EXPECT_EQ(event.get<ResponseHeader::kExpCmdSn>(), peer.cmd_sn);
    EXPECT_EQ(event.get<AsyncMessagePdu::kAsyncEvent>(), 0);
    EXPECT_EQ(event.get<AsyncMessagePdu::kAsyncVCode>(), 0);
    for (std::size_t i = 38; i < event.header.size(); ++i) {
        EXPECT_EQ(event.header.at(i), std::byte{0}) << "byte " << i;
    }
    ASSERT_EQ(event.data.size(), 2 + sense.size());
    EXPECT_EQ(event.data[0], std::byte{0});
    EXPECT_EQ(event.data[1], std::byte{18}) << "SenseLength";
    EXPECT_TRUE(std::ranges::equal(std::span(event.data).subspan(2), sense));
}

TEST(Async, EventsAreNotToldBeforeLoginNorInDiscovery) {
    Peer discoverer(1, {.nop_interval = {}});
    ASSERT_TRUE(discoverer.log_in_to_discover());
    discoverer.connection.report_event(Lun{0}, testing::some_data(18));
    discoverer.pump();
    EXPECT_TRUE(discoverer.answers.empty());
    Peer early(1, {.nop_interval = {}});
    early.connection.report_event(Lun{0}, testing::some_data(18));
    early.pump();
    EXPECT_TRUE(early.answers.empty());
}

TEST(Async, EventsAndLogoutRequestsReachTheInitiator) {
    Peer peer(1, {.nop_interval = {}});
    ASSERT_TRUE(peer.log_in());
    peer.connection.report_event(Lun{3}, testing::some_data(18));
    peer.connection.request_logout(seconds(7), peer.now);
    peer.pump();
    const Pdu event = peer.next();
    EXPECT_EQ(event.opcode(), Opcode::async_message);
    EXPECT_EQ(event.get<BasicHeader::kLun>(), 3U);
    EXPECT_EQ(event.data.size(), 20U);
    const Pdu asked = peer.next();
    EXPECT_EQ(asked.get<AsyncMessagePdu::kAsyncEvent>(), 1);
    EXPECT_EQ(asked.get<AsyncMessagePdu::kParameter3>(), 7);
    peer.connection.tick(peer.now + seconds(7));
    EXPECT_FALSE(peer.connection.is_over());
    peer.pump();
    EXPECT_EQ(peer.next().get<AsyncMessagePdu::kAsyncEvent>(), 2);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Async, IsNotWaitedForLongWhenTheInitiatorTakesNothing) {
    Peer peer(1, {.nop_interval = {}});
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    peer.connection.request_logout(seconds(3), peer.now);
    peer.now += seconds(3);
    peer.connection.tick(peer.now);
    EXPECT_FALSE(peer.connection.is_over());
    EXPECT_EQ(peer.connection.next_deadline(), peer.now + seconds(1));
    peer.now += seconds(1);
    peer.connection.tick(peer.now);
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Async, RequestToLogOutBoundsTheLogoutAsWell) {
    Peer peer(1, {.nop_interval = {}});
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    peer.connection.request_logout(seconds(3), peer.now);
    peer.send(peer.request(Opcode::logout_request).put<LogoutRequestPdu::kConnectionId>(1));
    EXPECT_FALSE(peer.connection.is_over());
    peer.connection.tick(peer.now + seconds(3));
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Connection, EndsWhenTheInitiatorTakesNothing) {
    Peer peer(1, {.nop_interval = {}, .send_timeout = seconds(30)});
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    peer.send(peer.command(1, Move::read, 512));
    peer.now += seconds(100);
    peer.connection.tick(peer.now);
    EXPECT_FALSE(peer.connection.is_over()) << "how long it has waited was not known before";
    peer.connection.tick(peer.now + seconds(30));
    EXPECT_TRUE(peer.connection.is_over());
}

TEST(Connection, TakesNothingFromAPeerThatReadsNothing) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.auto_pump = false;
    std::vector<std::byte> flood;
    for (int i = 0; i < 5000; ++i) {
        const auto bytes = peer.encode(peer.request(Opcode::nop_out).put<BasicHeader::kImmediate>(1));
        flood.insert(flood.end(), bytes.begin(), bytes.end());
    }
    std::span<const std::byte> rest{flood};
    while (!rest.empty()) {
        const auto space = peer.connection.receive_space();
        if (space.empty()) {
            break;
        }
        const std::size_t n = std::min(rest.size(), space[0].size);
        std::ranges::copy(rest.first(n), space[0].data);
        peer.connection.received(n, peer.now);
        rest = rest.subspan(n);
    }
    EXPECT_FALSE(rest.empty());
    peer.auto_pump = true;
    peer.send_bytes(rest);
    peer.pump();
    EXPECT_EQ(peer.answers.size(), 5000U);
}

}  // namespace
}  // namespace targe::iscsi
