#include "iscsi/negotiation.h"

#include "base/assert.h"
#include "iscsi/text_value.h"

#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>

namespace targe::iscsi {
namespace {

template <auto Member>
std::uint32_t own(const NegotiationPolicy& policy) {
    return policy.*Member;
}
template <std::uint32_t Value>
std::uint32_t always(const NegotiationPolicy& /*policy*/) {
    return Value;
}
template <auto Member>
void store(SessionParameters& agreed, std::uint32_t value) {
    agreed.*Member = static_cast<std::remove_reference_t<decltype(agreed.*Member)>>(value);
}

struct NumberKey {
    Key key;
    std::uint32_t (*own)(const NegotiationPolicy&);
    void (*store)(SessionParameters&, std::uint32_t);
};
using P = NegotiationPolicy;
using S = SessionParameters;
constexpr auto kNumbers = std::to_array<NumberKey>({
    {Key::max_connections, always<1>, store<&S::max_connections>},
    {Key::max_burst_length, own<&P::max_burst_length>, store<&S::max_burst_length>},
    {Key::first_burst_length, own<&P::first_burst_length>, store<&S::first_burst_length>},
    {Key::default_time2wait, own<&P::default_time2wait>, store<&S::default_time2wait>},
    {Key::default_time2retain, own<&P::default_time2retain>, store<&S::default_time2retain>},
    {Key::max_outstanding_r2t, own<&P::max_outstanding_r2t>, store<&S::max_outstanding_r2t>},
    {Key::error_recovery_level, always<0>, store<&S::error_recovery_level>},
    {Key::iscsi_protocol_level, own<&P::protocol_level>, store<&S::protocol_level>},
});

struct BooleanKey {
    Key key;
    bool P::* own;
    bool S::* agreed;
};
constexpr auto kBooleans = std::to_array<BooleanKey>({
    {Key::initial_r2t, &P::initial_r2t, &S::initial_r2t},
    {Key::immediate_data, &P::immediate_data, &S::immediate_data},
    {Key::data_pdu_in_order, &P::data_pdu_in_order, &S::data_pdu_in_order},
    {Key::data_sequence_in_order, &P::data_sequence_in_order, &S::data_sequence_in_order},
});

std::optional<Digest> parse_digest(std::string_view text) {
    if (text == "CRC32C") {
        return Digest::crc32c;
    }
    if (text == "None") {
        return Digest::none;
    }
    return std::nullopt;
}

bool has(const std::vector<Digest>& digests, Digest wanted) {
    return std::ranges::find(digests, wanted) != digests.end();
}

/// The first of the offer that is in `allowed`; nothing when there is none.
std::optional<Digest> first_offered(std::string_view offer, std::span<const Digest> allowed) {
    ListReader list(offer);
    while (const auto element = list.next()) {
        const auto digest = parse_digest(*element);
        if (digest && std::ranges::find(allowed, *digest) != allowed.end()) {
            return digest;
        }
    }
    return std::nullopt;
}

std::string_view choose_digest(std::string_view offer, std::span<const Digest> allowed, DigestOrder order,
                               Digest& agreed) {
    // In the target's order each is tried alone.
    const std::size_t step = order == DigestOrder::targets ? 1 : allowed.size();
    for (; !allowed.empty(); allowed = allowed.subspan(step)) {
        if (const auto chosen = first_offered(offer, allowed.first(step))) {
            agreed = *chosen;
            return *chosen == Digest::crc32c ? "CRC32C" : "None";
        }
    }
    return kReject;
}

std::string_view choose_task_reporting(std::string_view offer, TaskReporting& agreed) {
    ListReader list(offer);
    while (const auto element = list.next()) {
        if (*element == "RFC3720") {
            agreed = TaskReporting::rfc3720;
            return *element;
        }
        if (*element == "ResponseFence") {
            agreed = TaskReporting::response_fence;
            return *element;
        }
    }
    return kReject;
}

}  // namespace

std::expected<void, std::string> Negotiation::answer(std::span<const TextPair> pairs, LoginStage stage,
                                                     TextAnswer& out) {
    // FirstBurstLength comes last, because its answer depends on MaxBurstLength's.
    const std::string_view last = row_of(Key::first_burst_length).name;
    for (const bool turn_of_last : {false, true}) {
        for (const TextPair& pair : pairs) {
            if ((pair.key == last) != turn_of_last) {
                continue;
            }
            if (auto done = answer_one(pair, stage, out); !done) {
                return done;
            }
        }
    }
    return {};
}

std::expected<void, std::string> Negotiation::answer_one(const TextPair& pair, LoginStage stage,
                                                         TextAnswer& out) {
    const KeyRow* const row = find_key(pair.key);
    const bool declared_by_target =
        row != nullptr && (row->stages == Stages::none || row->key == Key::max_recv_data_segment_length);
    if ((row == nullptr || declared_by_target) && is_refusal(pair.value)) {
        return {};
    }
    if (row == nullptr) {
        out.add(pair.key, kNotUnderstood);
        return {};
    }
    if (out_of_place(*row, stage)) {
        out.add(pair.key, kReject);
        return {};
    }
    const auto at = static_cast<std::size_t>(row->key);
    // An alias may be declared again: initiators repeat it when the stage changes.
    if (negotiated_.test(at) && row->rule != Rule::declared_text) {
        return std::unexpected{"negotiates " + std::string{pair.key} + " twice"};
    }
    negotiated_.set(at);
    const bool irrelevant = type_ == SessionType::discovery && row->in_discovery == InDiscovery::irrelevant;
    const std::string result = irrelevant ? std::string{kIrrelevant} : decide(*row, pair.value);
    if (!result.empty()) {
        out.add(pair.key, result);
    }
    return {};
}

bool Negotiation::out_of_place(const KeyRow& row, LoginStage stage) const {
    return !allowed_in(row.stages, stage) ||
           (row.connections == Connections::leading && connection_ != Connections::leading);
}

std::string Negotiation::decide(const KeyRow& row, std::string_view value) {
    switch (row.rule) {
        case Rule::first_of_list:
            return decide_list(row, value);
        case Rule::logical_and:
        case Rule::logical_or:
            return decide_boolean(row, value);
        case Rule::minimum:
        case Rule::maximum:
            return decide_number(row, value);
        case Rule::declared_number:
            return std::string{take_declared_number(row, value)};
        case Rule::declared_text:
            return std::string{take_declared_text(row, value)};
        case Rule::always_no:
            // [RFC 7143 13.25]: an obsolete key is not one that is not understood.
            return std::string{parse_boolean(value) ? to_text(false) : kReject};
        case Rule::always_reject:
        case Rule::authentication:
        case Rule::identity:
        case Rule::discovery:
            return std::string{kReject};
    }
    __builtin_unreachable();
}

std::string Negotiation::decide_boolean(const KeyRow& row, std::string_view value) {
    const auto offer = parse_boolean(value);
    if (!offer) {
        return std::string{kReject};
    }
    const auto* const key = std::ranges::find(kBooleans, row.key, &BooleanKey::key);
    TARGE_ASSERT(key != kBooleans.end());
    const bool ours = policy_.*key->own;
    const bool result = row.rule == Rule::logical_and ? *offer && ours : *offer || ours;
    parameters_.*key->agreed = result;
    return std::string{to_text(result)};
}

std::string Negotiation::decide_number(const KeyRow& row, std::string_view value) {
    const auto offer = parse_number(value);
    if (!offer || *offer < row.minimum || *offer > row.maximum) {
        return std::string{kReject};
    }
    const auto* const key = std::ranges::find(kNumbers, row.key, &NumberKey::key);
    TARGE_ASSERT(key != kNumbers.end());
    const auto offered = static_cast<std::uint32_t>(*offer);
    const std::uint32_t ours = key->own(policy_);
    std::uint32_t result = row.rule == Rule::minimum ? std::min(offered, ours) : std::max(offered, ours);
    if (row.key == Key::first_burst_length) {
        result = std::min(result, parameters_.max_burst_length);  // [RFC 7143 13.14]
    }
    key->store(parameters_, result);
    return std::to_string(result);
}

std::string Negotiation::decide_list(const KeyRow& row, std::string_view value) {
    if (row.key == Key::header_digest) {
        return std::string{choose_digest(value, policy_.header_digests, policy_.header_digest_order,
                                         parameters_.header_digest)};
    }
    if (row.key == Key::data_digest) {
        return std::string{
            choose_digest(value, policy_.data_digests, policy_.data_digest_order, parameters_.data_digest)};
    }
    return std::string{choose_task_reporting(value, parameters_.task_reporting)};
}

std::string_view Negotiation::take_declared_number(const KeyRow& row, std::string_view value) {
    const auto number = parse_number(value);
    if (!number || *number < row.minimum || *number > row.maximum) {
        // The Reject takes the place of the target's own declaration, since one text has no key twice.
        declared_ = declared_ || row.key == Key::max_recv_data_segment_length;
        return kReject;
    }
    parameters_.initiator_max_recv_data_segment_length = static_cast<std::uint32_t>(*number);
    return {};
}

std::string_view Negotiation::take_declared_text(const KeyRow& row, std::string_view value) {
    if (value.size() > row.maximum || !is_printable_utf8(value)) {
        return kReject;
    }
    if (row.key == Key::initiator_alias) {
        parameters_.initiator_alias = value;
    }
    return {};
}

void Negotiation::declare(TextAnswer& out) {
    if (declared_) {
        return;
    }
    declared_ = true;
    parameters_.target_max_recv_data_segment_length = policy_.max_recv_data_segment_length;
    out.add(row_of(Key::max_recv_data_segment_length).name,
            std::to_string(policy_.max_recv_data_segment_length));
}

std::string_view Negotiation::find_fault() const {
    if (!has(policy_.header_digests, parameters_.header_digest)) {
        return "does not agree to the header digest that the target demands";
    }
    if (!has(policy_.data_digests, parameters_.data_digest)) {
        return "does not agree to the data digest that the target demands";
    }
    return {};
}

SessionParameters Negotiation::parameters() const {
    SessionParameters result = parameters_;
    result.first_burst_length = std::min(result.first_burst_length, result.max_burst_length);
    return result;
}

}  // namespace targe::iscsi
