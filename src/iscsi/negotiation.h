// Answers the operational keys of one connection, [RFC 7143 6.2, 6.3.3, 13].
#pragma once

#include "iscsi/key_table.h"
#include "iscsi/parameters.h"
#include "iscsi/text.h"

#include <bitset>
#include <expected>
#include <span>
#include <string>

namespace targe::iscsi {

/// One negotiation: a login, or one text exchange of the full feature phase.
class Negotiation {
public:
    /// `start` is what holds for keys that are not negotiated.
    Negotiation(const NegotiationPolicy& policy, SessionType type, Connections connection,
                SessionParameters start = {})
        : policy_(policy), type_(type), connection_(connection), parameters_(std::move(start)) {}

    /// Answers every pair. Illegal values and keys out of place are answered Reject, keys that nobody
    /// knows NotUnderstood, keys without meaning in discovery Irrelevant. The error, a reason for the
    /// log, says that the initiator negotiates a key for the second time, [RFC 7143 6.2].
    [[nodiscard]] std::expected<void, std::string> answer(std::span<const TextPair> pairs, LoginStage stage,
                                                          TextAnswer& out);

    /// Says what the target says unasked when operational negotiation begins. Later calls add nothing.
    void declare(TextAnswer& out);

    /// Why the result may not be used, for the log; empty when it may.
    [[nodiscard]] std::string_view find_fault() const;

    /// What is agreed on so far.
    [[nodiscard]] SessionParameters parameters() const;

private:
    [[nodiscard]] std::expected<void, std::string> answer_one(const TextPair& pair, LoginStage stage,
                                                              TextAnswer& out);
    [[nodiscard]] bool out_of_place(const KeyRow& row, LoginStage stage) const;
    /// The answer; empty where a declaration gets none.
    [[nodiscard]] std::string decide(const KeyRow& row, std::string_view value);
    [[nodiscard]] std::string decide_boolean(const KeyRow& row, std::string_view value);
    [[nodiscard]] std::string decide_number(const KeyRow& row, std::string_view value);
    [[nodiscard]] std::string decide_list(const KeyRow& row, std::string_view value);
    [[nodiscard]] std::string_view take_declared_number(const KeyRow& row, std::string_view value);
    [[nodiscard]] std::string_view take_declared_text(const KeyRow& row, std::string_view value);

    NegotiationPolicy policy_;
    SessionType type_;
    Connections connection_;
    SessionParameters parameters_;
    std::bitset<kKeyTable.size()> negotiated_;
    bool declared_ = false;
};

}  // namespace targe::iscsi
