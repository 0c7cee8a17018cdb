// What a state may be, for somebody who sees requests and answers and not the moments between.
#pragma once

#include "base/assert.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace targe::sim {

/// All states that are possible now. A change that was asked for may have been made, or refused, or neither
/// yet; its answer tells which, and with that rules states out. None left: the answer was wrong.
template <class State>
class Possible {
public:
    enum class Fate : std::uint8_t { not_yet, done, refused };
    /// The next state, or nothing when it is refused.
    using Change = std::function<std::optional<State>(const State&)>;

    explicit Possible(State initial) { worlds_.push_back({std::move(initial), {}}); }

    /// From now on, and at most once.
    void begin(std::uint64_t id, Change change) {
        for (auto& [other, pending] : changes_) {
            pending.alone = false;
        }
        changes_.emplace(id, Pending{std::move(change), changes_.empty()});
        for (World& world : worlds_) {
            world.fates.emplace(id, Fate::not_yet);
        }
        spread();
    }
    /// The change came to `fate`.
    void end(std::uint64_t id, Fate fate) {
        if (changes_.contains(id) && !too_many_) {
            std::erase_if(worlds_, [&](const World& world) { return world.fates.at(id) != fate; });
            forget(id);
        }
    }
    /// Nobody will ever know what it came to; nor can it be made any more.
    void end(std::uint64_t id) {
        if (changes_.contains(id)) {
            forget(id);
        }
    }
    /// Whatever was under way, this is so.
    void set(const std::vector<State>& states) {
        too_many_ = false;
        worlds_.clear();
        changes_.clear();
        for (const State& state : states) {
            worlds_.push_back({state, {}});
        }
        unite();
    }

    /// An answer that no state can explain.
    [[nodiscard]] bool impossible() const { return worlds_.empty(); }
    [[nodiscard]] bool any(const std::function<bool(const State&)>& holds) const {
        return too_many_ ||
               std::ranges::any_of(worlds_, [&](const World& world) { return holds(world.state); });
    }
    [[nodiscard]] bool all(const std::function<bool(const State&)>& holds) const {
        return !too_many_ &&
               std::ranges::all_of(worlds_, [&](const World& world) { return holds(world.state); });
    }
    /// Nothing else was under way while `id` was, so that before() is all that it can have met.
    [[nodiscard]] bool is_alone(std::uint64_t id) const {
        const auto at = changes_.find(id);
        return at != changes_.end() && at->second.alone && !too_many_;
    }
    /// The states in which `id` has not been decided yet.
    [[nodiscard]] std::vector<State> before(std::uint64_t id) const {
        std::vector<State> states;
        for (const World& world : worlds_) {
            const auto fate = world.fates.find(id);
            if (fate != world.fates.end() && fate->second == Fate::not_yet && !too_many_) {
                states.push_back(world.state);
            }
        }
        return states;
    }
    [[nodiscard]] std::vector<State> states() const {
        std::vector<State> states;
        for (const World& world : worlds_) {
            states.push_back(world.state);
        }
        return states;
    }
    /// More was under way at once than can be followed: everything is possible, until set().
    [[nodiscard]] bool too_many() const { return too_many_; }

private:
    static constexpr std::size_t kMost = 200;
    struct World {
        State state;
        std::map<std::uint64_t, Fate> fates;
        bool operator==(const World&) const = default;
    };

    struct Pending {
        Change change;
        bool alone;
    };

    void spread() {
        too_many_ = too_many_ || worlds_.size() > kMost;
        for (std::size_t i = 0; i < worlds_.size() && !too_many_; ++i) {
            for (const auto& [id, pending] : changes_) {
                if (worlds_[i].fates.at(id) != Fate::not_yet) {
                    continue;
                }
                World next = worlds_[i];
                std::optional<State> made = pending.change(next.state);
                next.fates.at(id) = made ? Fate::done : Fate::refused;
                next.state = made ? *std::move(made) : next.state;
                if (std::ranges::find(worlds_, next) == worlds_.end()) {
                    worlds_.push_back(std::move(next));
                }
            }
            too_many_ = too_many_ || worlds_.size() > kMost;
        }
    }
    void forget(std::uint64_t id) {
        changes_.erase(id);
        for (World& world : worlds_) {
            world.fates.erase(id);
        }
        unite();
    }
    void unite() {
        std::vector<World> united;
        for (World& world : worlds_) {
            if (std::ranges::find(united, world) == united.end()) {
                united.push_back(std::move(world));
            }
        }
        worlds_ = std::move(united);
    }

    std::vector<World> worlds_;
    std::map<std::uint64_t, Pending> changes_;
    bool too_many_ = false;
};

}  // namespace targe::sim
