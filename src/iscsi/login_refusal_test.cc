#include "iscsi/login.h"
#include "iscsi/login_initiator.h"

#include <gtest/gtest.h>

#include <functional>

namespace targe::iscsi {
namespace {

using namespace targe::iscsi::fakes;
using L = LoginResponsePdu;

constexpr std::string_view kOpen = "InitiatorName=iqn.me;TargetName=iqn.open;";
constexpr std::string_view kChap = "InitiatorName=iqn.me;TargetName=iqn.chap;";

class LoginRefusal : public ::testing::Test {
protected:
    LoginInitiator make_initiator() { return LoginInitiator(directory, random); }

    /// The last of `steps` is refused with `status`, and the PDU says so.
    static LoginRefused expect(const LoginStep& step, LoginStatus status) {
        const auto* refused = std::get_if<LoginRefused>(&step);
        if (refused == nullptr) {
            ADD_FAILURE() << "not refused";
            return {};
        }
        EXPECT_EQ(refused->status, status) << refused->reason;
        EXPECT_FALSE(refused->reason.empty());
        const unsigned on_wire = field_of<L::kStatusClass>(refused->response) * 256U +
                                 field_of<L::kStatusDetail>(refused->response);
        EXPECT_EQ(on_wire, static_cast<unsigned>(status));
        EXPECT_EQ(field_of<L::kTransit>(refused->response), 0);
        EXPECT_EQ(field_of<L::kContinue>(refused->response), 0);
        EXPECT_EQ(field_of<L::kInitiatorTaskTag>(refused->response), 0x1234'5678U);
        return *refused;
    }
    LoginRefused expect_at_once(Turn turn, std::string_view text, LoginStatus status) {
        return expect(make_initiator().send(turn, text), status);
    }

    FakeDirectory directory;
    SeededRandom random;
};

TEST_F(LoginRefusal, AnswersRedirectedTargetsWithTheirAddress) {
    LoginRefused moved = expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.moved;",
                                        LoginStatus::target_moved_temporarily);
    EXPECT_EQ(with_semicolons(moved.response.data), "TargetAddress=[2001:db8::5]:3261;");
    EXPECT_EQ(field_of<L::kDataSegmentLength>(moved.response), moved.response.data.size());
    moved = expect_at_once(kSecurity, "InitiatorName=iqn.me;TargetName=iqn.gone;",
                           LoginStatus::target_moved_permanently);
    EXPECT_EQ(with_semicolons(moved.response.data), "TargetAddress=192.0.2.9:3260;");
}

TEST_F(LoginRefusal, FollowsTheDirectory) {
    expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.forbidden;",
                   LoginStatus::authorization_failure);
    expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.unheard;", LoginStatus::not_found);
    expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.away;", LoginStatus::service_unavailable);
}

TEST_F(LoginRefusal, MissesWhatTheFirstTextMustHold) {
    expect_at_once(kFinish, "", LoginStatus::missing_parameter);
    expect_at_once(kFinish, "TargetName=iqn.open;", LoginStatus::missing_parameter);
    expect_at_once(kFinish, "InitiatorName=;TargetName=iqn.open;", LoginStatus::missing_parameter);
    expect_at_once(kFinish, "InitiatorName=iqn.me;", LoginStatus::missing_parameter);
    expect_at_once(kFinish, "InitiatorName=iqn.me;SessionType=Normal;", LoginStatus::missing_parameter);
    expect_at_once(kSecurity, "SessionType=Discovery;", LoginStatus::missing_parameter);
}

TEST_F(LoginRefusal, KnowsTwoTypesOfSessions) {
    for (const std::string type : {"", "normal", "Discovery,Normal", "Other", "Reject"}) {
        expect_at_once(kFinish, std::string{kOpen} + "SessionType=" + type + ";",
                       LoginStatus::session_type_not_supported);
    }
}

TEST_F(LoginRefusal, WantsAnInitiatorWithAName) {
    for (const std::string name : {"me", "iqn.", "iqn.a b", "All"}) {
        expect_at_once(kFinish, "InitiatorName=" + name + ";TargetName=iqn.open;",
                       LoginStatus::initiator_error);
    }
}

TEST_F(LoginRefusal, SpeaksVersionZeroOnly) {
    LoginInitiator initiator = make_initiator();
    initiator.version_min = 1;
    expect(initiator.send(kFinish, kOpen), LoginStatus::unsupported_version);
}

TEST_F(LoginRefusal, WantsNothingButLoginRequests) {
    LoginInitiator initiator = make_initiator();
    EXPECT_TRUE(std::holds_alternative<LoginContinue>(initiator.send(kLeaveSecurity, kOpen)));
    initiator.opcode = static_cast<std::uint8_t>(Opcode::scsi_command);
    expect(initiator.send(kFinish), LoginStatus::invalid_during_login);

    LoginInitiator stranger = make_initiator();
    stranger.opcode = static_cast<std::uint8_t>(Opcode::nop_out);
    EXPECT_TRUE(std::holds_alternative<LoginDropped>(stranger.send(kFinish)));
}

// All pairs of stages with both flags, as first request: what leads forward goes on, all else ends.
TEST_F(LoginRefusal, StagesOnlyLeadForward) {
    for (std::uint8_t from = 0; from < 4; ++from) {
        for (std::uint8_t to = 0; to <= 4; ++to) {
            for (const bool more_text : {false, true}) {
                const LoginStep step =
                    make_initiator().send({.from = from, .to = to, .more_text = more_text}, kOpen);
                const bool from_valid = from <= 1;
                const bool to_valid = to == 4 || (!more_text && to > from && to != 2);
                EXPECT_EQ(!std::holds_alternative<LoginRefused>(step), from_valid && to_valid)
                    << int{from} << int{to} << more_text;
                if (!(from_valid && to_valid)) {
                    expect(step, LoginStatus::initiator_error);
                }
            }
        }
    }
}

TEST_F(LoginRefusal, StaysInTheStageThatWasAgreedOn) {
    LoginInitiator initiator = make_initiator();
    (void)initiator.send(kLeaveSecurity, kOpen);
    expect(initiator.send(kSecurity), LoginStatus::initiator_error);
    LoginInitiator hasty = make_initiator();
    (void)hasty.send(kSecurity, kOpen);
    expect(hasty.send(kOperational), LoginStatus::initiator_error);
}

TEST_F(LoginRefusal, WantsTheSameNumbersInEveryRequest) {
    using Change = std::function<void(LoginInitiator&)>;
    const std::vector<Change> changes = {
        [](LoginInitiator& i) { ++i.initiator_session_id; },
        [](LoginInitiator& i) { ++i.target_session_handle; },
        [](LoginInitiator& i) { ++i.connection_id; },
        [](LoginInitiator& i) { ++i.cmd_sn; },
        [](LoginInitiator& i) { i.exp_stat_sn += 1; },
    };
    for (const Change& change : changes) {
        LoginInitiator initiator = make_initiator();
        (void)initiator.send(kLeaveSecurity, kOpen);
        change(initiator);
        expect(initiator.send(kFinish), LoginStatus::initiator_error);
    }
    LoginInitiator initiator = make_initiator();
    (void)initiator.send(kLeaveSecurity, kOpen);
    initiator.initiator_task_tag = 1;
    const LoginStep step = initiator.send(kFinish);
    ASSERT_TRUE(std::holds_alternative<LoginRefused>(step));
    EXPECT_EQ(std::get<LoginRefused>(step).status, LoginStatus::initiator_error);
}

TEST_F(LoginRefusal, WantsTheSameNamesThroughout) {
    for (const std::string text :
         {"InitiatorName=iqn.you;", "TargetName=iqn.chap;", "SessionType=Discovery;"}) {
        LoginInitiator initiator = make_initiator();
        (void)initiator.send(kLeaveSecurity, kOpen);
        expect(initiator.send(kFinish, text), LoginStatus::initiator_error);
    }
}

TEST_F(LoginRefusal, NegotiatesNothingTwice) {
    LoginInitiator initiator = make_initiator();
    (void)initiator.send(kOperational, std::string{kOpen} + "MaxBurstLength=4096;");
    expect(initiator.send(kFinish, "MaxBurstLength=8192;"), LoginStatus::initiator_error);
    expect_at_once(kFinish, std::string{kOpen} + "DataDigest=None;DataDigest=None;",
                   LoginStatus::initiator_error);
}

TEST_F(LoginRefusal, ReadsNothingButText) {
    for (const std::string text : {"InitiatorName;", "=1;", "A b=1;"}) {
        expect_at_once(kFinish, std::string{kOpen} + text, LoginStatus::initiator_error);
    }
    expect(make_initiator().send_raw(kFinish, "InitiatorName=iqn.me"), LoginStatus::initiator_error);
}

TEST_F(LoginRefusal, BoundsTheTextOfOneRequest) {
    LoginInitiator initiator = make_initiator();
    LoginStep step;
    for (int i = 0; i < 9; ++i) {
        step = initiator.send_raw({.from = 1, .more_text = true}, std::string(8192, 'x'));
    }
    expect(step, LoginStatus::out_of_resources);
}

TEST_F(LoginRefusal, BoundsTheNumberOfRequests) {
    LoginInitiator initiator = make_initiator();
    LoginStep step = initiator.send(kOperational, kOpen);
    int requests = 1;
    while (std::holds_alternative<LoginContinue>(step)) {
        step = initiator.send(kOperational);
        ASSERT_LT(++requests, 2000);
    }
    expect(step, LoginStatus::initiator_error);
}

TEST_F(LoginRefusal, DemandsDigestsWhereThePolicyDoes) {
    expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.digest;", LoginStatus::initiator_error);
    expect_at_once(kFinish, "InitiatorName=iqn.me;TargetName=iqn.digest;HeaderDigest=None;",
                   LoginStatus::initiator_error);
    EXPECT_TRUE(std::holds_alternative<Establish>(
        make_initiator().send(kFinish, "InitiatorName=iqn.me;TargetName=iqn.digest;HeaderDigest=CRC32C;")));
}

TEST_F(LoginRefusal, DemandsAProofWhereThePolicyDoes) {
    const auto failure = LoginStatus::authentication_failure;
    expect_at_once(kFinish, kChap, failure);
    expect_at_once(kLeaveSecurity, kChap, failure);
    expect_at_once({.from = 0, .to = 3}, kChap, failure);
    expect_at_once(kLeaveSecurity, std::string{kChap} + "AuthMethod=None;", failure);
    expect_at_once(kLeaveSecurity, std::string{kChap} + "AuthMethod=KRB5,SRP;", failure);
    expect_at_once(kLeaveSecurity, std::string{kChap} + "AuthMethod=;", failure);
    expect_at_once(kSecurity, std::string{kChap} + "CHAP_A=7;", failure);
    expect_at_once(kLeaveSecurity, std::string{kOpen} + "AuthMethod=CHAP;", failure);
    expect_at_once(kSecurity, std::string{kOpen} + "AuthMethod=None;CHAP_A=7;", failure);
}

TEST_F(LoginRefusal, EndsFailedProofs) {
    const auto begin = [&] {
        LoginInitiator initiator = make_initiator();
        (void)initiator.send(kSecurity, std::string{kChap} + "AuthMethod=CHAP;");
        return initiator;
    };
    for (const std::string text :
         {"CHAP_A=;", "CHAP_A=56;", "CHAP_A=4;", "CHAP_N=alice;", "AuthMethod=CHAP;"}) {
        LoginInitiator initiator = begin();
        expect(initiator.send(kSecurity, text), LoginStatus::authentication_failure);
    }
    LoginInitiator initiator = begin();
    (void)initiator.send(kSecurity, "CHAP_A=7;");
    const LoginRefused refused =
        expect(initiator.send(kLeaveSecurity, "CHAP_N=alice;CHAP_R=0x" + std::string(64, '0') + ";"),
               LoginStatus::authentication_failure);
    EXPECT_EQ(refused.response.data, "");
}

TEST_F(LoginRefusal, NeverLetsAProofBeSkipped) {
    for (const Turn turn : {kLeaveSecurity, Turn{.from = 0, .to = 3}}) {
        LoginInitiator initiator = make_initiator();
        LoginStep step = initiator.send(turn, std::string{kChap} + "AuthMethod=CHAP;");
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(std::holds_alternative<LoginContinue>(step));
            EXPECT_EQ(field_of<L::kTransit>(std::get<LoginContinue>(step).response), 0);
            step = initiator.send(turn, i == 0 ? "CHAP_A=7;" : "");
        }
    }
}

TEST_F(LoginRefusal, IsTheCallersAfterEstablish) {
    for (const auto status :
         {LoginStatus::too_many_connections, LoginStatus::cannot_include_in_session,
          LoginStatus::session_does_not_exist, LoginStatus::target_error, LoginStatus::service_unavailable,
          LoginStatus::out_of_resources, LoginStatus::target_removed}) {
        LoginInitiator initiator = make_initiator();
        ASSERT_TRUE(std::holds_alternative<Establish>(initiator.send(kFinish, kOpen)));
        const LoginRefused refused = expect(initiator.machine.refused(status, "the caller says so"), status);
        EXPECT_EQ(refused.reason, "the caller says so");
        EXPECT_EQ(field_of<L::kTargetSessionHandle>(refused.response), 0);
        EXPECT_EQ(refused.response.data, "");
    }
}

}  // namespace
}  // namespace targe::iscsi
