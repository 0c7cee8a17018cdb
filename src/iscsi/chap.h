// The CHAP exchange of the security stage, one-way and mutual, [RFC 1994], [RFC 7143 12.1.3].
#pragma once

#include "iscsi/auth_policy.h"
#include "iscsi/random_source.h"
#include "iscsi/text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::iscsi {

/// An initiator may send no longer challenge, [RFC 7143 12.1.3].
inline constexpr std::size_t kMaxChallengeBytes = 1024;

/// What a CHAP algorithm makes of its input.
class ChapDigest {
public:
    static constexpr std::size_t kMaxBytes = 32;

    [[nodiscard]] std::span<const std::byte> bytes() const { return std::span{bytes_}.first(size_); }

private:
    friend std::optional<ChapDigest> chap_response(ChapAlgorithm, std::uint8_t, std::string_view,
                                                   std::span<const std::byte>);
    std::array<std::byte, kMaxBytes> bytes_{};
    std::size_t size_ = 0;
};

/// Hash of identifier, secret and challenge, [RFC 1994 4.1]. Nothing when the cryptographic library
/// refuses the algorithm, as it does with MD5 in FIPS mode.
[[nodiscard]] std::optional<ChapDigest> chap_response(ChapAlgorithm algorithm, std::uint8_t identifier,
                                                      std::string_view secret,
                                                      std::span<const std::byte> challenge);

/// The target's side of one authentication, from CHAP_A to the last answer.
class ChapExchange {
public:
    enum class Progress : std::uint8_t { going_on, authenticated };

    /// `policy` and `random` must outlive the exchange.
    ChapExchange(const AuthPolicy& policy, RandomSource& random) : policy_(policy), random_(random) {}

    /// Takes the CHAP keys of one request, which may be none, and adds the answers. The error ends the
    /// login with an authentication failure; it is a reason for the log and must not be told to the peer.
    [[nodiscard]] std::expected<Progress, std::string> step(std::span<const TextPair> keys, TextAnswer& out);

    /// Whom the initiator has proved to be.
    [[nodiscard]] std::string_view initiator() const { return initiator_; }

private:
    enum class State : std::uint8_t { wants_algorithm, wants_response, authenticated };
    using Step = std::expected<Progress, std::string>;

    [[nodiscard]] Step choose_algorithm(std::span<const TextPair> keys, TextAnswer& out);
    [[nodiscard]] std::optional<ChapAlgorithm> preferred(std::string_view offer) const;
    [[nodiscard]] Step check_response(std::span<const TextPair> keys, TextAnswer& out);
    /// `keys` holds CHAP_I and CHAP_C.
    [[nodiscard]] Step answer_challenge(const ChapAccount& initiator, std::span<const TextPair> keys,
                                        TextAnswer& out);

    const AuthPolicy& policy_;
    RandomSource& random_;
    State state_ = State::wants_algorithm;
    ChapAlgorithm algorithm_ = ChapAlgorithm::md5;
    std::uint8_t identifier_ = 0;
    std::vector<std::byte> challenge_;
    std::string initiator_;
};

}  // namespace targe::iscsi
