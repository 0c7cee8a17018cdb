#include "iscsi/login.h"
#include "iscsi/login_initiator.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

namespace targe::iscsi {
namespace {

using namespace targe::iscsi::fakes;

struct Request {
    Turn turn;
    std::string text;
};

const std::vector<std::vector<Request>>& recorded_logins() {
    static const std::vector<std::vector<Request>> logins = {
        {{kFinish,
          "InitiatorName=iqn.me;TargetName=iqn.open;SessionType=Normal;HeaderDigest=CRC32C,None;DataDigest="
          "None;"
          "InitialR2T=No;ImmediateData=Yes;MaxRecvDataSegmentLength=262144;MaxBurstLength=16776192;"
          "FirstBurstLength=262144;DefaultTime2Wait=2;DefaultTime2Retain=0;MaxOutstandingR2T=1;"
          "ErrorRecoveryLevel=0;IFMarker=No;OFMarker=No;MaxConnections=1;"}},
        {{kSecurity, "InitiatorName=iqn.me;TargetName=iqn.chap;InitiatorAlias=me;AuthMethod=CHAP,None;"},
         {kSecurity, "CHAP_A=5,6,7,8;"},
         {kLeaveSecurity, "CHAP_N=alice;CHAP_R=@;CHAP_I=9;CHAP_C=0x00112233445566778899aabbccddeeff;"},
         {kOperational, "HeaderDigest=None;TaskReporting=ResponseFence;"},
         {kFinish, ""}},
        {{{.from = 0, .more_text = true}, "InitiatorName=iqn.me;Session"},
         {kLeaveSecurity, "Type=Discovery;"},
         {kFinish, "MaxRecvDataSegmentLength=65536;X-com.example=1;"}},
    };
    return logins;
}

class Mutator {
public:
    explicit Mutator(std::uint32_t seed) : engine_(seed) {}

    std::size_t below(std::size_t n) { return engine_() % n; }

    void text(std::string& text) {
        static constexpr std::array<std::string_view, 8> kPieces = {
            ";", "=", "CHAP_A=7;", "0x", "0b", "MaxBurstLength=0xffffffffffffffff;", ",", "Reject;"};
        const std::size_t at = below(text.size() + 1);
        switch (below(5)) {
            case 0:
                text.insert(at, kPieces.at(below(kPieces.size())));
                break;
            case 1:
                text.erase(at, below(20));
                break;
            case 2:
                text.insert(at, 1 + below(3) * 3000, static_cast<char>(engine_()));
                break;
            case 3:
                text += text.substr(at);
                break;
            default:
                if (at < text.size()) {
                    text[at] = static_cast<char>(engine_());
                }
        }
    }
    void header(Header& header) { header.at(below(header.size())) ^= static_cast<std::byte>(1U << below(8)); }

private:
    std::mt19937 engine_;
};

/// Whatever came back is a Login Response within its bounds, and nobody is let in without a proof.
void check(const LoginStep& step) {
    const LoginPdu* pdu = nullptr;
    if (const auto* next = std::get_if<LoginContinue>(&step)) {
        pdu = &next->response;
    } else if (const auto* refused = std::get_if<LoginRefused>(&step)) {
        pdu = &refused->response;
        ASSERT_NE(refused->status, LoginStatus::success);
    } else if (const auto* session = std::get_if<Establish>(&step)) {
        ASSERT_TRUE(session->target_name != "iqn.chap" || session->initiator_chap_name == "alice");
        ASSERT_LE(session->parameters.first_burst_length, session->parameters.max_burst_length);
        ASSERT_EQ(session->parameters.error_recovery_level, 0);
        ASSERT_EQ(session->parameters.max_connections, 1);
    }
    if (pdu != nullptr) {
        ASSERT_EQ(field_of<LoginResponsePdu::kOpcode>(*pdu), 0x23);
        ASSERT_EQ(field_of<LoginResponsePdu::kDataSegmentLength>(*pdu), pdu->data.size());
        ASSERT_LE(pdu->data.size(), kDefaultMaxRecvDataSegmentLength);
    }
}

/// What became of a mutated login: the last step, and how many requests it took.
struct Outcome {
    bool established = false;
    std::size_t requests = 0;
};

void run_mutated(const Directory& directory, std::uint32_t seed, Outcome& outcome) {
    Mutator mutator(seed);
    SeededRandom random(seed);
    LoginInitiator initiator(directory, random);
    const auto& login = recorded_logins().at(mutator.below(recorded_logins().size()));
    const std::size_t victim = mutator.below(login.size());
    std::map<std::string, std::string> asked;
    for (std::size_t i = 0; i < login.size(); ++i) {
        std::string text = login[i].text;
        if (const auto proof = text.find('@'); proof != std::string::npos && asked.contains("CHAP_C")) {
            text.replace(proof, 1, chap_answer(asked, "alice's long secret"));
        }
        text = with_nuls(text);
        if (i == victim || mutator.below(8) == 0) {
            mutator.text(text);
        }
        Header header = initiator.header(login[i].turn, text.size());
        if (mutator.below(4) == 0) {
            mutator.header(header);
        }
        const LoginStep step = initiator.machine.receive(header, std::as_bytes(std::span{text}));
        ASSERT_NO_FATAL_FAILURE(check(step));
        ++outcome.requests;
        if (std::holds_alternative<Establish>(step)) {
            outcome.established = true;
            ASSERT_NO_FATAL_FAILURE(check(LoginContinue{initiator.machine.established(1, {})}));
        }
        if (!std::holds_alternative<LoginContinue>(step)) {
            return;
        }
        const LoginPdu& response = std::get<LoginContinue>(step).response;
        initiator.exp_stat_sn = field_of<LoginResponsePdu::kStatSn>(response) + 1;
        asked = pairs_of(response);
    }
}

TEST(LoginMutation, RecordedLoginsSucceedUnchanged) {
    const FakeDirectory directory;
    for (const auto& login : recorded_logins()) {
        SeededRandom random;
        LoginInitiator initiator(directory, random);
        std::map<std::string, std::string> asked;
        LoginStep step;
        for (const Request& request : login) {
            std::string text = request.text;
            if (const auto proof = text.find('@'); proof != std::string::npos) {
                text.replace(proof, 1, chap_answer(asked, "alice's long secret"));
            }
            step = initiator.send(request.turn, text);
            if (const auto* next = std::get_if<LoginContinue>(&step)) {
                asked = pairs_of(next->response);
            }
        }
        EXPECT_TRUE(std::holds_alternative<Establish>(step));
    }
}

TEST(LoginMutation, NeverCrashesNorLeavesItsBounds) {
    const FakeDirectory directory;
    const std::uint32_t base = std::random_device{}();
    std::cout << "seed=" << base << '\n';
    constexpr std::uint32_t kRuns = 20'000;
    std::uint32_t established = 0;
    std::uint32_t went_on = 0;
    for (std::uint32_t i = 0; i < kRuns; ++i) {
        Outcome outcome;
        run_mutated(directory, base + i, outcome);
        ASSERT_FALSE(::testing::Test::HasFatalFailure()) << "seed=" << base + i;
        established += outcome.established ? 1 : 0;
        went_on += outcome.requests > 1 ? 1 : 0;
    }
    // The mutations are neither so mild nor so wild that they would test only one end.
    EXPECT_GT(established, kRuns / 100) << "seed=" << base;
    EXPECT_LT(established, kRuns / 2) << "seed=" << base;
    EXPECT_GT(went_on, kRuns / 10) << "seed=" << base;
}

}  // namespace
}  // namespace targe::iscsi
