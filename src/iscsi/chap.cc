#include "iscsi/chap.h"

#include "iscsi/text_value.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace targe::iscsi {
namespace {

const EVP_MD* message_digest(ChapAlgorithm algorithm) {
    switch (algorithm) {
        case ChapAlgorithm::md5:
            return EVP_md5();
        case ChapAlgorithm::sha1:
            return EVP_sha1();
        case ChapAlgorithm::sha256:
            return EVP_sha256();
        case ChapAlgorithm::sha3_256:
            return EVP_sha3_256();
    }
    __builtin_unreachable();
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool same_secret(std::string_view a, std::string_view b) {
    return equal_in_constant_time(std::as_bytes(std::span{a}), std::as_bytes(std::span{b}));
}

/// The value of `key`, when it was sent.
std::optional<std::string_view> find(std::span<const TextPair> keys, std::string_view key) {
    const auto found = std::ranges::find(keys, key, &TextPair::key);
    return found == keys.end() ? std::nullopt : std::optional{found->value};
}

std::unexpected<std::string> failure(std::string reason) {
    return std::unexpected{std::move(reason)};
}

}  // namespace

std::optional<ChapDigest> chap_response(ChapAlgorithm algorithm, std::uint8_t identifier,
                                        std::string_view secret, std::span<const std::byte> challenge) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned int size = 0;
    if (context == nullptr || EVP_DigestInit_ex(context.get(), message_digest(algorithm), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), &identifier, sizeof identifier) != 1 ||
        EVP_DigestUpdate(context.get(), secret.data(), secret.size()) != 1 ||
        EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1 || size > ChapDigest::kMaxBytes) {
        return std::nullopt;
    }
    ChapDigest digest;
    digest.size_ = size;
    std::ranges::copy(std::as_bytes(std::span{hash}.first(size)), digest.bytes_.begin());
    return digest;
}

ChapExchange::Step ChapExchange::step(std::span<const TextPair> keys, TextAnswer& out) {
    if (state_ == State::authenticated) {
        return keys.empty() ? Step{Progress::authenticated} : failure("CHAP keys after the authentication");
    }
    if (keys.empty()) {
        return Progress::going_on;
    }
    return state_ == State::wants_algorithm ? choose_algorithm(keys, out) : check_response(keys, out);
}

std::optional<ChapAlgorithm> ChapExchange::preferred(std::string_view offer) const {
    for (const ChapAlgorithm candidate : policy_.algorithms) {
        ListReader list(offer);
        while (const auto element = list.next()) {
            if (parse_number(*element) == static_cast<std::uint64_t>(candidate) &&
                chap_response(candidate, 0, {}, {})) {
                return candidate;
            }
        }
    }
    return std::nullopt;
}

ChapExchange::Step ChapExchange::choose_algorithm(std::span<const TextPair> keys, TextAnswer& out) {
    const auto offer = find(keys, "CHAP_A");
    if (!offer || keys.size() != 1) {
        return failure("CHAP must begin with CHAP_A alone");
    }
    const auto chosen = preferred(*offer);
    if (!chosen) {
        return failure("offers no CHAP algorithm that is allowed here");
    }
    algorithm_ = *chosen;
    // As long as the digest: a longer challenge adds nothing, a shorter one could be guessed sooner.
    challenge_.resize(static_cast<std::size_t>(EVP_MD_get_size(message_digest(algorithm_))));
    random_.fill(challenge_);
    std::array<std::byte, 1> identifier{};
    random_.fill(identifier);
    identifier_ = std::to_integer<std::uint8_t>(identifier[0]);
    out.add("CHAP_A", std::to_string(static_cast<unsigned>(algorithm_)));
    out.add("CHAP_I", std::to_string(identifier_));
    out.add("CHAP_C", to_hex(challenge_));
    state_ = State::wants_response;
    return Progress::going_on;
}

ChapExchange::Step ChapExchange::check_response(std::span<const TextPair> keys, TextAnswer& out) {
    const auto name = find(keys, "CHAP_N");
    const auto response = find(keys, "CHAP_R");
    const bool has_identifier = find(keys, "CHAP_I").has_value();
    const bool mutual = find(keys, "CHAP_C").has_value();
    if (!name || !response || has_identifier != mutual || keys.size() != (mutual ? 4U : 2U)) {
        return failure("the CHAP response must be CHAP_N and CHAP_R, and CHAP_I with CHAP_C when mutual");
    }
    // A name is text whatever it begins with: 0x and 0b mean something in binary values only.
    const auto account = std::ranges::find(policy_.initiators, *name, &ChapAccount::name);
    const bool known = account != policy_.initiators.end();
    // A stranger's response is checked as well, so that time does not tell who is known.
    const auto expected =
        chap_response(algorithm_, identifier_, known ? std::string_view{account->secret} : "", challenge_);
    const auto received = parse_binary(*response, ChapDigest::kMaxBytes);
    if (!expected || !received || !equal_in_constant_time(*received, expected->bytes()) || !known) {
        return failure(known ? "wrong CHAP response for account " + account->name
                             : "unknown CHAP name " + std::string{name->substr(0, kMaxChapNameBytes)});
    }
    if (mutual) {
        if (auto answered = answer_challenge(*account, keys, out); !answered) {
            return answered;
        }
    }
    state_ = State::authenticated;
    initiator_ = account->name;
    return Progress::authenticated;
}

ChapExchange::Step ChapExchange::answer_challenge(const ChapAccount& initiator,
                                                  std::span<const TextPair> keys, TextAnswer& out) {
    if (!policy_.target) {
        return failure("asks the target to prove itself, which has no account for that");
    }
    const auto number = parse_number(find(keys, "CHAP_I").value_or(""));
    const auto bytes = parse_binary(find(keys, "CHAP_C").value_or(""), kMaxChallengeBytes);
    if (!number || *number > 0xff || !bytes || bytes->empty()) {
        return failure("malformed CHAP_I or CHAP_C");
    }
    // [RFC 7143 9.2.1]: whoever sends our own challenge back wants us to compute its answer, and
    // with one secret both ways any other connection could be used for that.
    if (*bytes == challenge_ || same_secret(initiator.secret, policy_.target->secret)) {
        return failure("reflected CHAP challenge, or one secret for both directions");
    }
    const auto response =
        chap_response(algorithm_, static_cast<std::uint8_t>(*number), policy_.target->secret, *bytes);
    if (!response) {
        return failure("the CHAP algorithm failed");
    }
    out.add("CHAP_N", policy_.target->name);
    out.add("CHAP_R", to_hex(response->bytes()));
    return Progress::going_on;
}

}  // namespace targe::iscsi
