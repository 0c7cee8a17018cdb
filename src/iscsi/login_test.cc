#include "iscsi/login.h"

#include "iscsi/login_initiator.h"

#include <gtest/gtest.h>

namespace targe::iscsi {
namespace {

using namespace targe::iscsi::fakes;
using L = LoginResponsePdu;

constexpr std::string_view kOpen = "InitiatorName=iqn.me;TargetName=iqn.open;SessionType=Normal;";
constexpr std::string_view kChap = "InitiatorName=iqn.me;TargetName=iqn.chap;";
constexpr std::string_view kDiscovery = "InitiatorName=iqn.me;SessionType=Discovery;";

class Login : public ::testing::Test {
protected:
    LoginPdu go_on(Turn turn, std::string_view text = {}) {
        LoginStep step = initiator.send(turn, text);
        if (const auto* refused = std::get_if<LoginRefused>(&step)) {
            ADD_FAILURE() << refused->reason;
        }
        EXPECT_TRUE(std::holds_alternative<LoginContinue>(step));
        return std::holds_alternative<LoginContinue>(step) ? std::get<LoginContinue>(step).response
                                                           : LoginPdu{};
    }
    Establish finish(Turn turn, std::string_view text = {}) {
        LoginStep step = initiator.send(turn, text);
        if (const auto* refused = std::get_if<LoginRefused>(&step)) {
            ADD_FAILURE() << refused->reason;
        }
        EXPECT_TRUE(std::holds_alternative<Establish>(step));
        return std::holds_alternative<Establish>(step) ? std::get<Establish>(step) : Establish{};
    }

    FakeDirectory directory;
    SeededRandom random;
    LoginInitiator initiator{directory, random};
};

TEST_F(Login, MayBeOneRequest) {
    const Establish session = finish(kFinish, std::string{kOpen} +
                                                  "HeaderDigest=CRC32C,None;InitialR2T=No;ImmediateData=Yes;"
                                                  "MaxRecvDataSegmentLength=65536;MaxBurstLength=524288;");
    EXPECT_EQ(session.initiator_name, "iqn.me");
    EXPECT_EQ(session.initiator_chap_name, "");
    EXPECT_EQ(session.target_name, "iqn.open");
    EXPECT_EQ(session.type, SessionType::normal);
    EXPECT_EQ(session.initiator_session_id, 0x4000'0137'0001U);
    EXPECT_EQ(session.target_session_handle, 0);
    EXPECT_EQ(session.connection_id, 9);
    EXPECT_EQ(session.portal_group_tag, 7);
    EXPECT_EQ(session.exp_cmd_sn, CmdSn{0xffff'fff0});
    EXPECT_EQ(session.stat_sn, StatSn{1001});
    EXPECT_EQ(session.parameters.header_digest, Digest::crc32c);
    EXPECT_FALSE(session.parameters.initial_r2t);
    EXPECT_EQ(session.parameters.initiator_max_recv_data_segment_length, 65536U);
    EXPECT_EQ(session.parameters.target_max_recv_data_segment_length, 262144U);
    EXPECT_EQ(session.parameters.max_burst_length, 524288U);
}

// Whoever looks a name up after the login finds it, and one initiator port has one name.
TEST_F(Login, FoldsCapitalsOfNames) {
    const Establish session = finish(kFinish, "InitiatorName=iqn.ME;TargetName=IQN.Open;");
    EXPECT_EQ(session.initiator_name, "iqn.me");
    EXPECT_EQ(session.target_name, "iqn.open");
}

TEST_F(Login, EndsWithTheWithheldResponse) {
    (void)finish(kFinish, kOpen);
    const LoginPdu response = initiator.machine.established(0x77, {});
    EXPECT_EQ(field_of<L::kOpcode>(response), 0x23);
    EXPECT_EQ(field_of<L::kTransit>(response), 1);
    EXPECT_EQ(field_of<L::kContinue>(response), 0);
    EXPECT_EQ(field_of<L::kCurrentStage>(response), 1);
    EXPECT_EQ(field_of<L::kNextStage>(response), 3);
    EXPECT_EQ(field_of<L::kVersionMax>(response), 0);
    EXPECT_EQ(field_of<L::kVersionActive>(response), 0);
    EXPECT_EQ(field_of<L::kInitiatorSessionId>(response), 0x4000'0137'0001U);
    EXPECT_EQ(field_of<L::kTargetSessionHandle>(response), 0x77);
    EXPECT_EQ(field_of<L::kInitiatorTaskTag>(response), 0x1234'5678U);
    EXPECT_EQ(field_of<L::kStatSn>(response), 1000U);
    EXPECT_EQ(field_of<L::kExpCmdSn>(response), 0xffff'fff0U);
    EXPECT_EQ(field_of<L::kMaxCmdSn>(response), 0x0fU);
    EXPECT_EQ(field_of<L::kStatusClass>(response), 0);
    EXPECT_EQ(field_of<L::kStatusDetail>(response), 0);
    EXPECT_EQ(field_of<L::kDataSegmentLength>(response), response.data.size());
    EXPECT_EQ(with_semicolons(response.data),
              "TargetPortalGroupTag=7;TargetAlias=Open;MaxRecvDataSegmentLength=262144;");
}

TEST_F(Login, LeavesASessionThatGoesOnItsSequenceNumbers) {
    initiator.target_session_handle = 0x55;
    EXPECT_EQ(finish(kFinish, kOpen).target_session_handle, 0x55);
    const LoginPdu response = initiator.machine.established(0x55, CmdSn{500});
    EXPECT_EQ(field_of<L::kExpCmdSn>(response), 500U);
    EXPECT_EQ(field_of<L::kMaxCmdSn>(response), 531U);
}

TEST_F(Login, NegotiatesSessionWideKeysOnTheLeadingConnectionOnly) {
    initiator.target_session_handle = 0x55;
    const LoginPdu response =
        go_on(kOperational, std::string{kOpen} + "MaxBurstLength=4096;DataDigest=CRC32C;");
    EXPECT_EQ(pairs_of(response).at("MaxBurstLength"), "Reject");
    EXPECT_EQ(pairs_of(response).at("DataDigest"), "CRC32C");
}

TEST_F(Login, TellsTheDirectoryFromWhereItIsSeen) {
    (void)finish(kFinish, kOpen);
    EXPECT_EQ(directory.seen().initiator_name, "iqn.me");
    EXPECT_EQ(directory.seen().portal, 3U);
    EXPECT_EQ(directory.seen().local_address, "192.0.2.1");
}

TEST_F(Login, GoesThroughBothStages) {
    LoginPdu response = go_on(kLeaveSecurity, std::string{kOpen} + "AuthMethod=CHAP,None;");
    EXPECT_EQ(field_of<L::kTransit>(response), 1);
    EXPECT_EQ(field_of<L::kCurrentStage>(response), 0);
    EXPECT_EQ(field_of<L::kNextStage>(response), 1);
    EXPECT_EQ(field_of<L::kTargetSessionHandle>(response), 0);
    EXPECT_EQ(with_semicolons(response.data), "TargetPortalGroupTag=7;TargetAlias=Open;AuthMethod=None;");
    response = go_on(kOperational, "MaxConnections=4;");
    EXPECT_EQ(field_of<L::kTransit>(response), 0);
    EXPECT_EQ(field_of<L::kStatSn>(response), 1001U);
    EXPECT_EQ(with_semicolons(response.data), "MaxConnections=1;MaxRecvDataSegmentLength=262144;");
    response = go_on(kOperational, "ErrorRecoveryLevel=2;");
    EXPECT_EQ(with_semicolons(response.data), "ErrorRecoveryLevel=0;");
    EXPECT_EQ(finish(kFinish).stat_sn, StatSn{1004});
    EXPECT_EQ(initiator.machine.established(1, {}).data, "");
}

TEST_F(Login, MayLeaveSecurityForFullFeature) {
    const Establish session = finish({.from = 0, .to = 3}, std::string{kOpen} + "AuthMethod=None;");
    EXPECT_EQ(session.parameters, SessionParameters{});
    EXPECT_EQ(field_of<L::kCurrentStage>(initiator.machine.established(1, {})), 0);
}

TEST_F(Login, NeedNotNegotiateAnAuthMethodWhereNoneIsAskedFor) {
    (void)go_on(kLeaveSecurity, kOpen);
    (void)finish(kFinish);
}

TEST_F(Login, IsForNormalSessionsUnlessItSaysOtherwise) {
    EXPECT_EQ(finish(kFinish, "InitiatorName=iqn.me;TargetName=iqn.open;").type, SessionType::normal);
}

TEST_F(Login, MakesDiscoverySessions) {
    const Establish session =
        finish(kFinish, std::string{kDiscovery} + "MaxBurstLength=1024;HeaderDigest=None;");
    EXPECT_EQ(session.type, SessionType::discovery);
    EXPECT_EQ(session.target_name, "");
    EXPECT_EQ(with_semicolons(initiator.machine.established(1, {}).data),
              "MaxBurstLength=Irrelevant;HeaderDigest=None;MaxRecvDataSegmentLength=262144;");
}

TEST_F(Login, AllowsNamesToBeRepeatedAsTheyWere) {
    const std::string names = std::string{kOpen} + "InitiatorAlias=me;";
    (void)go_on(kLeaveSecurity, names);
    EXPECT_EQ(finish(kFinish, names).parameters.initiator_alias, "me");
}

TEST_F(Login, ProvesTheInitiatorByChap) {
    LoginPdu response = go_on(kLeaveSecurity, std::string{kChap} + "AuthMethod=CHAP,None;");
    EXPECT_EQ(field_of<L::kTransit>(response), 0);
    EXPECT_EQ(pairs_of(response).at("AuthMethod"), "CHAP");
    response = go_on(kSecurity, "CHAP_A=5,7;");
    const std::string proof = chap_answer(pairs_of(response), "alice's long secret");
    response = go_on(kLeaveSecurity, "CHAP_N=alice;CHAP_R=" + proof + ";");
    EXPECT_EQ(field_of<L::kTransit>(response), 1);
    EXPECT_EQ(finish(kFinish).initiator_chap_name, "alice");
}

TEST_F(Login, ProvesBothSidesByChap) {
    (void)go_on(kSecurity, std::string{kChap} + "AuthMethod=CHAP;");
    LoginPdu response = go_on(kSecurity, "CHAP_A=8;");
    const std::string proof = chap_answer(pairs_of(response), "alice's long secret");
    response = go_on(kLeaveSecurity, "CHAP_N=alice;CHAP_R=" + proof + ";CHAP_I=4;CHAP_C=0x010203;");
    const auto answered = pairs_of(response);
    EXPECT_EQ(answered.at("CHAP_N"), "target");
    EXPECT_EQ(answered.at("CHAP_R"),
              chap_answer({{"CHAP_A", "8"}, {"CHAP_I", "4"}, {"CHAP_C", "0x010203"}}, "the target's secret"));
    EXPECT_EQ(field_of<L::kTransit>(response), 1);
}

TEST_F(Login, StaysInSecurityUntilTheInitiatorWantsToLeave) {
    (void)go_on(kSecurity, std::string{kChap} + "AuthMethod=CHAP;");
    const LoginPdu response = go_on(kSecurity, "CHAP_A=7;");
    const std::string proof = chap_answer(pairs_of(response), "alice's long secret");
    EXPECT_EQ(field_of<L::kTransit>(go_on(kSecurity, "CHAP_N=alice;CHAP_R=" + proof + ";")), 0);
    EXPECT_EQ(field_of<L::kTransit>(go_on(kLeaveSecurity)), 1);
}

TEST_F(Login, AsksForAProofInDiscoveryToo) {
    directory.discovery = chap_policy();
    (void)go_on(kSecurity, std::string{kDiscovery} + "AuthMethod=CHAP;");
    const LoginPdu response = go_on(kSecurity, "CHAP_A=6;");
    const std::string proof = chap_answer(pairs_of(response), "alice's long secret");
    const Establish session = finish({.from = 0, .to = 3}, "CHAP_N=alice;CHAP_R=" + proof + ";");
    EXPECT_EQ(session.type, SessionType::discovery);
    EXPECT_EQ(session.initiator_chap_name, "alice");
}

TEST_F(Login, TakesTextThatIsCutAnywhere) {
    const std::string text = with_nuls(std::string{kOpen} + "HeaderDigest=CRC32C;X-a=1;");
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        LoginInitiator one(directory, random);
        LoginStep step = one.send_raw({.from = 1, .more_text = true}, std::string_view{text}.substr(0, cut));
        ASSERT_TRUE(std::holds_alternative<LoginContinue>(step));
        const LoginPdu& empty = std::get<LoginContinue>(step).response;
        ASSERT_EQ(empty.data, "");
        ASSERT_EQ(field_of<L::kTransit>(empty), 0);
        ASSERT_EQ(field_of<L::kContinue>(empty), 0);
        step = one.send_raw(kFinish, std::string_view{text}.substr(cut));
        ASSERT_TRUE(std::holds_alternative<Establish>(step)) << cut;
        ASSERT_EQ(std::get<Establish>(step).parameters.header_digest, Digest::crc32c);
    }
}

TEST_F(Login, TakesTextByteByByte) {
    const std::string text = with_nuls(std::string{kOpen} + "DataDigest=CRC32C;");
    for (const char c : text) {
        ASSERT_TRUE(std::holds_alternative<LoginContinue>(
            initiator.send_raw({.from = 1, .more_text = true}, std::string_view{&c, 1})));
    }
    EXPECT_EQ(finish(kFinish).parameters.data_digest, Digest::crc32c);
}

TEST_F(Login, SplitsAnswersThatAreTooLong) {
    std::string text{kOpen};
    for (int i = 0; i < 250; ++i) {
        text += "X-" + std::string(50, 'k') + std::to_string(i) + "=1;";
    }
    (void)go_on({.from = 1, .more_text = true}, text.substr(0, 8000));
    const LoginPdu first = go_on(kFinish, text.substr(8000));
    EXPECT_EQ(first.data.size(), 8192U);
    EXPECT_EQ(field_of<L::kContinue>(first), 1);
    EXPECT_EQ(field_of<L::kTransit>(first), 0);
    const LoginPdu second = go_on(kFinish);
    EXPECT_EQ(field_of<L::kContinue>(second), 1);
    (void)finish(kFinish);
    const LoginPdu last = initiator.machine.established(1, {});
    const auto pairs = parse_text(first.data + second.data + last.data);
    ASSERT_TRUE(pairs);
    EXPECT_EQ(pairs->size(), 250U + 3U);
}

TEST_F(Login, WantsNothingButEmptyRequestsWhileItsAnswerGoesOut) {
    std::string text{kOpen};
    for (int i = 0; i < 250; ++i) {
        text += "X-" + std::string(50, 'k') + std::to_string(i) + "=1;";
    }
    (void)go_on({.from = 1, .more_text = true}, text.substr(0, 8000));
    (void)go_on(kFinish, text.substr(8000));
    EXPECT_TRUE(std::holds_alternative<LoginRefused>(initiator.send(kFinish, "DataDigest=None;")));
}

TEST_F(Login, IsOverAfterEachOfItsEnds) {
    (void)finish(kFinish, kOpen);
    EXPECT_TRUE(std::holds_alternative<LoginDropped>(initiator.send(kFinish)));
    // The answer that is still owed can be had all the same.
    EXPECT_EQ(field_of<L::kTargetSessionHandle>(initiator.machine.established(5, {})), 5);
    EXPECT_TRUE(std::holds_alternative<LoginDropped>(initiator.send(kFinish)));
    LoginInitiator other(directory, random);
    EXPECT_TRUE(std::holds_alternative<LoginRefused>(other.send(kFinish, "TargetName=iqn.open;")));
    EXPECT_TRUE(std::holds_alternative<LoginDropped>(other.send(kFinish, kOpen)));
}

TEST_F(Login, CanBeMoved) {
    (void)go_on(kLeaveSecurity, kOpen);
    LoginInitiator moved = std::move(initiator);
    EXPECT_TRUE(std::holds_alternative<Establish>(moved.send(kFinish)));
}

}  // namespace
}  // namespace targe::iscsi
