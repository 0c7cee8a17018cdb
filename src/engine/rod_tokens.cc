#include "engine/rod_tokens.h"

#include "engine/background.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/run_on.h"
#include "scsi/third_party_copy.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

namespace {

/// The others end: no write looks at them any more.
std::shared_ptr<const RodTokens> living(const UnitState& state, base::Time now) {
    auto left = std::make_shared<RodTokens>();
    for (const auto& token : state.tokens ? state.tokens->all : std::vector<std::shared_ptr<RodToken>>{}) {
        if (token->alive(now)) {
            left->all.push_back(token);
        } else {
            token->end(RodToken::Validity::revoked);
        }
    }
    return left->all.empty() ? nullptr : std::move(left);
}

Background forget_dead(std::shared_ptr<LogicalUnit> unit) {
    Change change{unit->home()};
    co_await change.begin();
    change.state().tokens = living(change.state(), unit->home().core().now());
    co_await change.commit();
}

}  // namespace

RodToken::RodToken(const scsi::RodTokenBytes& name, const scsi::PopulateToken& request, base::Time now)
    : name_(name),
      ranges_(request.ranges),
      blocks_(request.blocks),
      timeout_(request.timeout_s),
      used_(now.time_since_epoch().count()) {}

bool RodToken::stands_for(const BlockRange& range) const {
    return std::ranges::any_of(
        ranges_, [&](const scsi::TokenRange& own) { return range.overlaps({own.lba, own.blocks}); });
}

void RodToken::end(Validity how) {
    auto expected = Validity::valid;
    validity_.compare_exchange_strong(expected, how);
}

std::optional<scsi::Sense> RodToken::ended() const {
    switch (validity_.load()) {
        case Validity::revoked:
            return scsi::illegal_request(scsi::Asc::token_revoked);
        case Validity::deleted:
            return scsi::illegal_request(scsi::Asc::token_deleted);
        case Validity::valid:
            return std::nullopt;
    }
    __builtin_unreachable();
}

std::optional<scsi::Sense> RodToken::refusal(base::Time now) const {
    if (const auto sense = ended()) {
        return sense;
    }
    if (in_use()) {
        return std::nullopt;
    }
    const base::Duration idle = now.time_since_epoch() - base::Duration{used()};
    return idle > timeout_ ? std::optional{scsi::illegal_request(scsi::Asc::token_expired)} : std::nullopt;
}

void revoke_tokens(const NexusUnit& unit, const BlockRange& range) {
    const auto& tokens = unit.lane.state().tokens;
    if (!tokens) {
        return;
    }
    const base::Time now = unit.nexus.core().now();
    bool any_alive = false;
    for (const auto& token : tokens->all) {
        if (token->stands_for(range)) {
            token->end(RodToken::Validity::revoked);
        }
        any_alive = any_alive || token->alive(now);
    }
    if (!any_alive && !tokens->forgetting.exchange(true)) {
        base::post(unit.unit->home().core(), [kept = unit.unit] { forget_dead(kept); });
    }
}

void end_all_tokens(const UnitState& state) {
    if (state.tokens) {
        for (const auto& token : state.tokens->all) {
            token->end(RodToken::Validity::revoked);
        }
    }
}

void revoke_all_tokens(UnitState& state) {
    end_all_tokens(state);
    state.tokens.reset();
}

void add_token(UnitState& state, std::shared_ptr<RodToken> token, base::Time now) {
    auto next = std::make_shared<RodTokens>();
    if (const auto left = living(state, now)) {
        next->all = left->all;
    }
    if (next->all.size() == scsi::copy_limits::kTokens) {
        const auto oldest = std::ranges::min_element(
            next->all, {}, [](const auto& each) { return std::pair{each->in_use(), each->used()}; });
        (*oldest)->end(RodToken::Validity::revoked);
        next->all.erase(oldest);
    }
    next->all.push_back(std::move(token));
    state.tokens = std::move(next);
}

}  // namespace targe::engine
