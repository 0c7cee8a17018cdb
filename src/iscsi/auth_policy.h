// Who has to prove what before a session may start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace targe::iscsi {

/// Numbered as in CHAP_A, by the IANA "PPP Authentication Algorithms" and [RFC 7143 12.1.3].
enum class ChapAlgorithm : std::uint8_t {
    md5 = 5,
    sha1 = 6,
    sha256 = 7,
    sha3_256 = 8,
};

/// Strongest first.
inline constexpr std::array kChapAlgorithms = {ChapAlgorithm::sha3_256, ChapAlgorithm::sha256,
                                               ChapAlgorithm::sha1, ChapAlgorithm::md5};

/// 96 bits, below which [RFC 7143 9.2.1] asks for IPsec as well.
inline constexpr std::size_t kMinRecommendedSecretBytes = 12;
inline constexpr std::size_t kMaxSecretBytes = 255;
inline constexpr std::size_t kMaxChapNameBytes = 255;

struct ChapAccount {
    std::string name;
    std::string secret;
    bool operator==(const ChapAccount&) const = default;
};

enum class AuthMethod : std::uint8_t { none, chap };

struct AuthPolicy {
    AuthMethod method = AuthMethod::none;
    /// Whom the target lets in.
    std::vector<ChapAccount> initiators = {};
    /// How the target proves itself when the initiator asks for it. Without it such a login is refused.
    std::optional<ChapAccount> target = {};
    /// The first of these that the initiator offers is taken.
    std::vector<ChapAlgorithm> algorithms = {kChapAlgorithms.begin(), kChapAlgorithms.end()};
};

/// What is wrong with a policy, for whoever wrote the configuration; nothing when all is well.
/// A secret below kMinRecommendedSecretBytes is the caller's decision: it works.
[[nodiscard]] std::optional<std::string_view> find_fault(const AuthPolicy& policy);

}  // namespace targe::iscsi
