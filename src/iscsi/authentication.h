// The security stage: which method, and whether it has been gone through, [RFC 7143 6.3.2, 12.1].
#pragma once

#include "iscsi/chap.h"

#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace targe::iscsi {

class Authentication {
public:
    /// `random` must outlive it.
    Authentication(AuthPolicy policy, RandomSource& random)
        : policy_(std::move(policy)), chap_(policy_, random) {}
    Authentication(const Authentication&) = delete;
    Authentication& operator=(const Authentication&) = delete;
    ~Authentication() = default;

    /// Takes AuthMethod and the CHAP keys of one request. The error, a reason for the log, ends the
    /// login with an authentication failure.
    [[nodiscard]] std::expected<void, std::string> take(std::span<const TextPair> keys, TextAnswer& out);

    /// Whether a method has been agreed on.
    [[nodiscard]] bool begun() const { return begun_; }
    /// Whether the login may go on to the next stage.
    [[nodiscard]] bool complete() const { return policy_.method == AuthMethod::none || proved_; }
    /// The account that the initiator has proved to be; empty when no proof is asked for.
    [[nodiscard]] std::string_view initiator() const { return chap_.initiator(); }

private:
    [[nodiscard]] std::expected<void, std::string> choose_method(std::string_view offer, TextAnswer& out);

    AuthPolicy policy_;
    ChapExchange chap_;
    bool begun_ = false;
    bool proved_ = false;
};

}  // namespace targe::iscsi
