// The tokens of a unit: what stands for its blocks as long as nobody writes them.
#pragma once

#include "base/core.h"
#include "engine/lane.h"
#include "scsi/rod_token.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace targe::engine {

class NexusUnit;
struct UnitState;

/// Known to all cores. The state of its unit has it from a moment at which nothing executes there, so that
/// each write since then has looked at it before it began.
class RodToken {
public:
    enum class Validity : std::uint8_t { valid, revoked, deleted };

    RodToken(const scsi::RodTokenBytes& name, const scsi::PopulateToken& request, base::Time now);

    [[nodiscard]] const scsi::RodTokenBytes& name() const { return name_; }
    [[nodiscard]] const std::vector<scsi::TokenRange>& ranges() const { return ranges_; }
    [[nodiscard]] std::uint64_t blocks() const { return blocks_; }
    [[nodiscard]] bool stands_for(const BlockRange& range) const;

    void end(Validity how);
    /// Why its data are not to be had any more, whatever the time is.
    [[nodiscard]] std::optional<scsi::Sense> ended() const;
    /// The same, and that it was not used for too long.
    [[nodiscard]] std::optional<scsi::Sense> refusal(base::Time now) const;
    [[nodiscard]] bool alive(base::Time now) const { return !refusal(now); }
    /// From begin_use() to end_use() it is in use, and does not expire.
    void begin_use() { users_.fetch_add(1); }
    void end_use(base::Time now) {
        use(now);
        users_.fetch_sub(1);
    }
    void use(base::Time now) { used_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
    [[nodiscard]] bool in_use() const { return users_.load() > 0; }
    [[nodiscard]] base::Duration::rep used() const { return used_.load(std::memory_order_relaxed); }

private:
    scsi::RodTokenBytes name_;
    std::vector<scsi::TokenRange> ranges_;
    std::uint64_t blocks_;
    std::chrono::seconds timeout_;
    std::atomic<Validity> validity_ = Validity::valid;
    std::atomic<base::Duration::rep> used_;
    std::atomic<std::uint32_t> users_ = 0;
};

/// Immutable, as the state that has it.
struct RodTokens {
    std::vector<std::shared_ptr<RodToken>> all;  ///< at most copy_limits::kTokens, and at least one
    /// Somebody has seen that all of them are dead, and asked the home to forget them.
    mutable std::atomic<bool> forgetting = false;
};

/// Before it begins, a write takes every token of the unit that stands for one of its blocks.
void revoke_tokens(const NexusUnit& unit, const BlockRange& range);

/// All of a unit's tokens end: its medium is another. The state has none any more, or still those that ended.
void revoke_all_tokens(UnitState& state);
void end_all_tokens(const UnitState& state);

/// With those of them that are alive, and `token`. When there is no room the one goes that was used the
/// longest time ago, and is not in use if there is such a one.
void add_token(UnitState& state, std::shared_ptr<RodToken> token, base::Time now);

}  // namespace targe::engine
