// Who talks to whom, as the first text of a login says, and how a login is refused.
#pragma once

#include "iscsi/parameters.h"
#include "iscsi/pdu_session.h"
#include "iscsi/text.h"

#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace targe::iscsi {

struct Refusal {
    LoginStatus status;
    std::string reason;         ///< for the log
    std::string moved_to = {};  ///< TargetAddress of a redirection
};

using Verdict = std::expected<void, Refusal>;

[[nodiscard]] std::unexpected<Refusal> refusal(LoginStatus status, std::string_view reason);

struct Identity {
    std::string initiator_name;
    std::string target_name;
    SessionType type = SessionType::normal;
};

/// Reads InitiatorName, TargetName and SessionType, which the first text must hold, [RFC 7143 6.3].
[[nodiscard]] std::expected<Identity, Refusal> read_identity(std::span<const TextPair> pairs);

/// They belong in the first text only, but initiators repeat them when the stage changes. That does no
/// harm as long as they say the same.
[[nodiscard]] Verdict check_repeated(std::span<const TextPair> pairs, const Identity& identity);

}  // namespace targe::iscsi
