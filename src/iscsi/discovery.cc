#include "iscsi/discovery.h"

#include "iscsi/key_table.h"
#include "iscsi/text_value.h"

#include <algorithm>
#include <utility>

namespace targe::iscsi {
namespace {

void add_listing(const TargetListing& target, TextAnswer& out) {
    out.add(row_of(Key::target_name).name, target.name);
    for (const TargetAddress& address : target.addresses) {
        out.add(row_of(Key::target_address).name, to_text_with_group(address));
    }
}

void add_target(std::string_view name, const TextSession& session, TextAnswer& out) {
    const auto targets = session.directory.list_targets(session.from);
    const auto target = std::ranges::find(targets, name, &TargetListing::name);
    if (target != targets.end()) {
        add_listing(*target, out);
    }
}

/// False when the value is none that this kind of session may send.
bool send_targets(std::string_view value, const TextSession& session, TextAnswer& out) {
    const bool normal = session.type == SessionType::normal;
    if (value == "All" && !normal) {
        for (const TargetListing& target : session.directory.list_targets(session.from)) {
            add_listing(target, out);
        }
        return true;
    }
    // [RFC 7143 Appendix C] deviation: All is for discovery only. Initiators ask for it in normal sessions
    // too; they are told of their own target, because discovery may have asked for other credentials.
    if (normal && (value == "All" || value.empty())) {
        add_target(session.target_name, session, out);
        return true;
    }
    const std::string name = canonical_name(value);
    if (!is_iscsi_name(name)) {
        return false;
    }
    // A name that nobody may see is answered with nothing, like one that does not exist.
    if (!normal || name == session.target_name) {
        add_target(name, session, out);
    }
    return true;
}

}  // namespace

std::expected<TextAnswer, std::string> answer_text(std::string_view text, const TextSession& session,
                                                   Negotiation& negotiation) {
    const auto pairs = parse_text(text);
    if (!pairs) {
        return std::unexpected{std::string{describe(pairs.error())}};
    }
    const std::string_view send_targets_key = row_of(Key::send_targets).name;
    TextAnswer out;
    std::vector<TextPair> others;
    for (const TextPair& pair : *pairs) {
        if (pair.key != send_targets_key) {
            others.push_back(pair);
        } else if (!send_targets(pair.value, session, out)) {
            out.add(pair.key, kReject);
        }
    }
    if (auto answered = negotiation.answer(others, LoginStage::full_feature, out); !answered) {
        return std::unexpected{std::move(answered.error())};
    }
    return out;
}

}  // namespace targe::iscsi
