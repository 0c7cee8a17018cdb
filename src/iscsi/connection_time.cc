// What a connection does when nothing happens.
#include "iscsi/connection.h"

#include <algorithm>

namespace targe::iscsi {

namespace {

/// How long an initiator that ignored a request to log out may take for the last message to it.
constexpr base::Duration kLastMessageLimit = std::chrono::seconds(1);
/// A write waits for its data as many times data_out_timeout at most, while others get theirs.
constexpr int kMostWaits = 10;

std::optional<base::Time> after(std::optional<base::Time> start, base::Duration limit) {
    return start && limit != base::Duration::zero() ? std::optional{*start + limit} : std::nullopt;
}

}  // namespace

std::array<std::optional<base::Time>, 5> Connection::deadlines() const {
    std::optional<base::Time> data;
    if (!awaiting_data_.empty()) {
        const base::Time since = awaiting_data_.front().waiting_since_;
        const base::Duration limit = options_.data_out_timeout;
        data = std::min(after(std::max(since, data_moved_), limit), after(since, kMostWaits * limit));
    }
    return {login_deadline_, logout_deadline_, after(ping_.sent, options_.nop_timeout), data,
            has_output() ? after(stalled_.value_or(now_), options_.send_timeout) : std::nullopt};
}

std::optional<base::Time> Connection::next_deadline() const {
    if (phase_ == Phase::over || phase_ == Phase::lost) {
        return std::nullopt;
    }
    std::optional<base::Time> next;
    if (phase_ == Phase::full_feature && !ping_.sent) {
        next = after(heard_, options_.nop_interval);
    }
    for (const auto& deadline : deadlines()) {
        if (deadline && (!next || *deadline < *next)) {
            next = deadline;
        }
    }
    return next;
}

std::optional<std::string_view> Connection::find_timeout(base::Time now) const {
    static constexpr std::array<std::string_view, 5> kReasons = {
        "the login took too long",
        "the logout took too long",
        "the initiator does not answer pings",
        "the initiator sends no data for a write",
        "the initiator takes nothing of what is sent",
    };
    static constexpr std::string_view kNotEstablished =
        "the login took too long: a session that it takes the place of has not ended, as while a device "
        "holds on to one of its commands";
    constexpr std::size_t kPing = 2;
    const auto all = deadlines();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i] && *all[i] <= now && i == kPing && ping_.waits) {
            return kReasons.back();  // it cannot answer what it has not taken
        }
        if (all[i] && *all[i] <= now) {
            return i == 0 && phase_ == Phase::establishing ? kNotEstablished : kReasons[i];
        }
    }
    return std::nullopt;
}

bool Connection::ping_is_due(base::Time now) const {
    const auto due = after(heard_, options_.nop_interval);
    return phase_ == Phase::full_feature && !ping_.sent && due && *due <= now;
}

void Connection::tick(base::Time now) {
    if (phase_ == Phase::over || phase_ == Phase::lost) {
        return;
    }
    now_ = now;
    if (!has_output()) {
        stalled_.reset();
    } else if (!stalled_) {
        stalled_ = now;
    }
    const auto reason = find_timeout(now);
    if (reason && phase_ == Phase::full_feature && logout_deadline_ && *logout_deadline_ <= now) {
        // It was asked to log out and has not: [RFC 7143 11.9.1], the connection is dropped.
        logout_deadline_ = now + kLastMessageLimit;
        ControlPdu& pdu = new_async(AsyncEvent::drop_connection);
        wire::put<AsyncMessagePdu::kParameter1>(HeaderSpan{pdu.header}, connection_id_);
        wire::put<AsyncMessagePdu::kParameter2>(HeaderSpan{pdu.header}, parameters_.default_time2wait);
        transmitter_.queue(pdu);
        finish("the initiator was asked to log out and did not");
    } else if (reason) {
        drop(*reason);
    } else if (ping_is_due(now) && type_ == SessionType::discovery) {
        // A discovery session is for text and logout alone, [RFC 7143 4.3]: it is not pinged, but ended.
        finish("the discovery session is idle");
    } else if (ping_is_due(now)) {
        ping_ = {.sent = now, .waits = true, .receipt = std::nullopt};
        send_notice(take_transfer_tag());
    }
}

}  // namespace targe::iscsi
