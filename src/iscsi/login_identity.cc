#include "iscsi/login_identity.h"

#include "iscsi/key_table.h"

namespace targe::iscsi {
namespace {

constexpr std::string_view kNormal = "Normal";
constexpr std::string_view kDiscovery = "Discovery";

std::string_view to_text(SessionType type) {
    return type == SessionType::discovery ? kDiscovery : kNormal;
}

}  // namespace

std::unexpected<Refusal> refusal(LoginStatus status, std::string_view reason) {
    return std::unexpected{Refusal{.status = status, .reason = std::string{reason}}};
}

std::expected<Identity, Refusal> read_identity(std::span<const TextPair> pairs) {
    Identity identity;
    for (const auto& [key, value] : pairs) {
        if (key == row_of(Key::initiator_name).name) {
            identity.initiator_name = canonical_name(value);
        } else if (key == row_of(Key::target_name).name) {
            identity.target_name = canonical_name(value);
        } else if (key == row_of(Key::session_type).name) {
            if (value != kNormal && value != kDiscovery) {
                return refusal(LoginStatus::session_type_not_supported, "unknown SessionType");
            }
            identity.type = value == kNormal ? SessionType::normal : SessionType::discovery;
        }
    }
    if (identity.initiator_name.empty()) {
        return refusal(LoginStatus::missing_parameter, "the first request has no InitiatorName");
    }
    if (!is_iscsi_name(identity.initiator_name)) {
        return refusal(LoginStatus::initiator_error, "InitiatorName is no iSCSI name");
    }
    if (identity.type == SessionType::normal && identity.target_name.empty()) {
        return refusal(LoginStatus::missing_parameter, "the first request has no TargetName");
    }
    return identity;
}

Verdict check_repeated(std::span<const TextPair> pairs, const Identity& identity) {
    for (const auto& [key, value] : pairs) {
        if ((key == row_of(Key::initiator_name).name && canonical_name(value) != identity.initiator_name) ||
            (key == row_of(Key::target_name).name && canonical_name(value) != identity.target_name) ||
            (key == row_of(Key::session_type).name && value != to_text(identity.type))) {
            return refusal(LoginStatus::initiator_error, "changes " + std::string{key} + " during the login");
        }
    }
    return {};
}

}  // namespace targe::iscsi
