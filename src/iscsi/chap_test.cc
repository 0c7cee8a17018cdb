#include "iscsi/chap.h"

#include "iscsi/text_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace targe::iscsi {
namespace {

class CountingRandom final : public RandomSource {
public:
    void fill(std::span<std::byte> out) override {
        std::ranges::generate(out, [this] { return static_cast<std::byte>(next_++); });
    }

private:
    unsigned next_ = 1;
};

AuthPolicy one_way() {
    return {.method = AuthMethod::chap,
            .initiators = {{.name = "alice", .secret = "alice's long secret"},
                           {.name = "0xbob", .secret = "bob's long secret"},
                           {.name = "0bcarol", .secret = "carol's long secret"}}};
}
AuthPolicy mutual() {
    AuthPolicy policy = one_way();
    policy.target = ChapAccount{.name = "the target", .secret = "the target's secret"};
    return policy;
}

std::map<std::string, std::string> pairs_of(const TextAnswer& answer) {
    std::map<std::string, std::string> out;
    const auto pairs = parse_text(answer.text());
    for (const TextPair& pair : *pairs) {
        out[std::string{pair.key}] = pair.value;
    }
    return out;
}

/// An initiator that does everything right, up to where a test changes something.
struct Initiator {
    explicit Initiator(const AuthPolicy& policy) : exchange(policy, random) {}

    std::map<std::string, std::string> offer(std::string_view algorithms) {
        TextAnswer out;
        const std::vector<TextPair> keys{{"CHAP_A", algorithms}};
        const auto step = exchange.step(keys, out);
        EXPECT_TRUE(step) << step.error();
        return pairs_of(out);
    }
    static std::string respond(const std::map<std::string, std::string>& asked, std::string_view secret) {
        const auto challenge = parse_binary(asked.at("CHAP_C"), kMaxChallengeBytes);
        const auto digest =
            chap_response(static_cast<ChapAlgorithm>(std::stoi(asked.at("CHAP_A"))),
                          static_cast<std::uint8_t>(std::stoi(asked.at("CHAP_I"))), secret, *challenge);
        return to_hex(digest->bytes());
    }
    std::expected<ChapExchange::Progress, std::string> prove(std::vector<TextPair> keys) {
        answer = {};
        return exchange.step(keys, answer);
    }

    CountingRandom random;
    ChapExchange exchange;
    TextAnswer answer;
};

// Computed with another implementation: hash(5Ah, "a secret of 20 bytes", 10h … 2Fh).
TEST(ChapResponse, IsTheHashOfIdentifierSecretAndChallenge) {
    std::vector<std::byte> challenge;
    for (unsigned i = 0x10; i < 0x30; ++i) {
        challenge.push_back(static_cast<std::byte>(i));
    }
    const auto hash = [&](ChapAlgorithm algorithm) {
        return to_hex(chap_response(algorithm, 0x5a, "a secret of 20 bytes", challenge)->bytes());
    };
    EXPECT_EQ(hash(ChapAlgorithm::md5), "0x4ea3d9a36b058bcc52e9e664cbef253c");
    EXPECT_EQ(hash(ChapAlgorithm::sha1), "0x414c1f118bb4ba77277c162a57fccbcbd80a1d01");
    EXPECT_EQ(hash(ChapAlgorithm::sha256),
              "0xac317753a9b39af0139c3a21422a2318cc781ad1c0e5db122e54c3d420ca5708");
    EXPECT_EQ(hash(ChapAlgorithm::sha3_256),
              "0x6aca8c32e02606e985a376f44dd53ef758c967678e39d9689f52d81d5adecd82");
}

TEST(Chap, LetsInWhoKnowsTheSecretWithEachAlgorithm) {
    const AuthPolicy policy = one_way();
    for (const ChapAlgorithm algorithm : kChapAlgorithms) {
        Initiator initiator(policy);
        const auto asked = initiator.offer(std::to_string(static_cast<int>(algorithm)));
        ASSERT_EQ(asked.at("CHAP_A"), std::to_string(static_cast<int>(algorithm)));
        const std::string response = Initiator::respond(asked, "alice's long secret");
        const auto step = initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}});
        ASSERT_TRUE(step) << step.error();
        EXPECT_EQ(*step, ChapExchange::Progress::authenticated);
        EXPECT_EQ(initiator.exchange.initiator(), "alice");
        EXPECT_TRUE(initiator.answer.empty());
    }
}

TEST(Chap, ProvesTheTargetWithEachAlgorithm) {
    const AuthPolicy policy = mutual();
    for (const ChapAlgorithm algorithm : kChapAlgorithms) {
        Initiator initiator(policy);
        const auto asked = initiator.offer(std::to_string(static_cast<int>(algorithm)));
        const std::string response = Initiator::respond(asked, "alice's long secret");
        const auto step = initiator.prove(
            {{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", "200"}, {"CHAP_C", "0bAQIDBAUGBwg="}});
        ASSERT_TRUE(step) << step.error();
        const auto answer = pairs_of(initiator.answer);
        EXPECT_EQ(answer.at("CHAP_N"), "the target");
        EXPECT_EQ(answer.at("CHAP_R"),
                  Initiator::respond({{"CHAP_A", std::to_string(static_cast<int>(algorithm))},
                                      {"CHAP_I", "200"},
                                      {"CHAP_C", "0x0102030405060708"}},
                                     "the target's secret"));
    }
}

TEST(Chap, PrefersWhatItsPolicyNamesFirst) {
    AuthPolicy policy = one_way();
    EXPECT_EQ(Initiator(policy).offer("5,6,7,8").at("CHAP_A"), "8");
    EXPECT_EQ(Initiator(policy).offer("5,6").at("CHAP_A"), "6");
    EXPECT_EQ(Initiator(policy).offer("99,5,x").at("CHAP_A"), "5");
    EXPECT_EQ(Initiator(policy).offer("0x5").at("CHAP_A"), "5");
    policy.algorithms = {ChapAlgorithm::md5, ChapAlgorithm::sha256};
    EXPECT_EQ(Initiator(policy).offer("7,5").at("CHAP_A"), "5");
}

TEST(Chap, RefusesAlgorithmsThatAreNotAllowed) {
    AuthPolicy policy = one_way();
    policy.algorithms = {ChapAlgorithm::sha256};
    for (const std::string_view offer : {"", "5", "56", "7x", "57", "-7", ",", "CHAP"}) {
        Initiator initiator(policy);
        EXPECT_FALSE(initiator.prove({{"CHAP_A", offer}})) << offer;
    }
}

TEST(Chap, ChallengesDifferEachTime) {
    const AuthPolicy policy = one_way();
    CountingRandom random;
    std::vector<std::string> seen;
    for (int i = 0; i < 5; ++i) {
        ChapExchange exchange(policy, random);
        TextAnswer out;
        ASSERT_TRUE(exchange.step(std::vector<TextPair>{{"CHAP_A", "7"}}, out));
        const auto challenge = pairs_of(out).at("CHAP_C");
        EXPECT_EQ(challenge.size(), 2U + 64U);
        EXPECT_EQ(std::ranges::count(seen, challenge), 0);
        seen.push_back(challenge);
    }
}

TEST(Chap, TakesNamesAsTextWhateverTheyBeginWith) {
    const AuthPolicy policy = one_way();
    for (const auto& [name, secret] :
         {std::pair{"0xbob", "bob's long secret"}, std::pair{"0bcarol", "carol's long secret"}}) {
        Initiator initiator(policy);
        const std::string response = Initiator::respond(initiator.offer("5"), secret);
        EXPECT_TRUE(initiator.prove({{"CHAP_N", name}, {"CHAP_R", response}}));
        EXPECT_EQ(initiator.exchange.initiator(), name);
    }
}

TEST(Chap, ReadsBase64Responses) {
    const AuthPolicy policy = one_way();
    Initiator initiator(policy);
    const auto digest = parse_binary(Initiator::respond(initiator.offer("7"), "alice's long secret"), 32);
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string base64 = "0b";
    for (std::size_t bit = 0; bit < digest->size() * 8; bit += 6) {
        unsigned value = 0;
        for (std::size_t i = bit; i < bit + 6; ++i) {
            const bool set = i < digest->size() * 8 &&
                             (std::to_integer<unsigned>(digest->at(i / 8)) >> (7 - i % 8) & 1U) != 0;
            value = value << 1U | (set ? 1U : 0U);
        }
        base64 += kDigits[value];
    }
    EXPECT_TRUE(initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", base64 + "="}}));
}

TEST(Chap, RefusesWhoDoesNotKnowTheSecret) {
    const AuthPolicy policy = one_way();
    const auto attempt = [&](std::string_view name, std::string_view secret) {
        Initiator initiator(policy);
        const std::string response = Initiator::respond(initiator.offer("7"), secret);
        return initiator.prove({{"CHAP_N", name}, {"CHAP_R", response}});
    };
    EXPECT_FALSE(attempt("alice", "bob's long secret"));
    EXPECT_FALSE(attempt("Alice", "alice's long secret"));
    EXPECT_FALSE(attempt("", ""));
    EXPECT_FALSE(attempt("nobody", ""));
    EXPECT_TRUE(attempt("alice", "alice's long secret"));
}

TEST(Chap, RefusesMalformedResponses) {
    const AuthPolicy policy = one_way();
    const std::string oversized = "0x" + std::string(2 * 33, '0');
    for (const std::string_view response :
         {std::string_view{""}, std::string_view{"0x"}, std::string_view{"0x00"}, std::string_view{"0xzz"},
          std::string_view{"12"}, std::string_view{"0b"}, std::string_view{oversized}}) {
        Initiator initiator(policy);
        (void)initiator.offer("7");
        EXPECT_FALSE(initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}})) << response;
    }
}

TEST(Chap, RefusesKeysOutOfOrder) {
    const AuthPolicy policy = mutual();
    const std::vector<std::vector<TextPair>> first = {
        {{"CHAP_N", "alice"}},
        {{"CHAP_A", "7"}, {"CHAP_N", "alice"}},
        {{"CHAP_I", "1"}, {"CHAP_C", "0x01"}},
    };
    for (const auto& keys : first) {
        EXPECT_FALSE(Initiator(policy).prove(keys));
    }
    const std::vector<std::vector<TextPair>> second = {
        {{"CHAP_A", "7"}},
        {{"CHAP_N", "alice"}},
        {{"CHAP_R", "0x00"}},
        {{"CHAP_N", "alice"}, {"CHAP_R", "0x00"}, {"CHAP_I", "1"}},
        {{"CHAP_N", "alice"}, {"CHAP_R", "0x00"}, {"CHAP_C", "0x01"}},
        {{"CHAP_N", "alice"}, {"CHAP_R", "0x00"}, {"CHAP_A", "7"}},
    };
    for (const auto& keys : second) {
        Initiator initiator(policy);
        (void)initiator.offer("7");
        EXPECT_FALSE(initiator.prove(keys));
    }
}

TEST(Chap, WaitsWhenARequestHasNoKeys) {
    const AuthPolicy policy = one_way();
    Initiator initiator(policy);
    EXPECT_EQ(*initiator.prove({}), ChapExchange::Progress::going_on);
    const auto asked = initiator.offer("7");
    EXPECT_EQ(*initiator.prove({}), ChapExchange::Progress::going_on);
    const std::string response = Initiator::respond(asked, "alice's long secret");
    EXPECT_EQ(*initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}}),
              ChapExchange::Progress::authenticated);
    EXPECT_EQ(*initiator.prove({}), ChapExchange::Progress::authenticated);
    EXPECT_FALSE(initiator.prove({{"CHAP_A", "7"}}));
}

TEST(Chap, RefusesReflectedChallenges) {
    const AuthPolicy policy = mutual();
    Initiator initiator(policy);
    const auto asked = initiator.offer("7");
    const std::string response = Initiator::respond(asked, "alice's long secret");
    EXPECT_FALSE(initiator.prove(
        {{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", "1"}, {"CHAP_C", asked.at("CHAP_C")}}));
    EXPECT_TRUE(initiator.answer.empty());
}

TEST(Chap, RefusesOneSecretForBothDirections) {
    AuthPolicy policy = mutual();
    policy.target->secret = policy.initiators[0].secret;
    Initiator initiator(policy);
    const std::string response = Initiator::respond(initiator.offer("7"), "alice's long secret");
    EXPECT_FALSE(
        initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", "1"}, {"CHAP_C", "0x0102"}}));
}

TEST(Chap, ProvesNothingWithoutAnAccountOfItsOwn) {
    const AuthPolicy policy = one_way();
    Initiator initiator(policy);
    const std::string response = Initiator::respond(initiator.offer("7"), "alice's long secret");
    EXPECT_FALSE(
        initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", "1"}, {"CHAP_C", "0x0102"}}));
}

TEST(Chap, DoesNotProveItselfToWhoFailed) {
    const AuthPolicy policy = mutual();
    Initiator initiator(policy);
    const std::string response = Initiator::respond(initiator.offer("7"), "wrong");
    EXPECT_FALSE(
        initiator.prove({{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", "1"}, {"CHAP_C", "0x0102"}}));
    EXPECT_TRUE(initiator.answer.empty());
}

TEST(Chap, BoundsWhatTheInitiatorAsks) {
    const AuthPolicy policy = mutual();
    const std::string longest = "0x" + std::string(2 * kMaxChallengeBytes, '1');
    const std::string too_long = longest + "11";
    const auto attempt = [&](std::string_view identifier, std::string_view challenge) {
        Initiator initiator(policy);
        const std::string response = Initiator::respond(initiator.offer("7"), "alice's long secret");
        return initiator
            .prove({{"CHAP_N", "alice"}, {"CHAP_R", response}, {"CHAP_I", identifier}, {"CHAP_C", challenge}})
            .has_value();
    };
    EXPECT_TRUE(attempt("255", longest));
    EXPECT_FALSE(attempt("255", too_long));
    EXPECT_FALSE(attempt("256", longest));
    EXPECT_FALSE(attempt("-1", longest));
    EXPECT_FALSE(attempt("", longest));
    EXPECT_FALSE(attempt("1", "0x"));
    EXPECT_FALSE(attempt("1", "abc"));
}

}  // namespace
}  // namespace targe::iscsi
