// Virtual time, and cores that live in it.
#pragma once

#include "base/core.h"
#include "engine/testing/world.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace targe::sim {

using base::Duration;
using base::Time;

class SimCore;

/// What happens, in the order of virtual time. One for a run.
class World {
public:
    World(std::uint64_t seed, std::uint32_t core_pause);

    [[nodiscard]] Time now() const { return now_; }
    /// The core that runs now; null when it is somebody outside of the target.
    [[nodiscard]] SimCore* current() const { return current_; }

    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    /// Of 10,000.
    [[nodiscard]] bool chance(std::uint32_t odds) { return odds != 0 && below(10'000) < odds; }
    /// Between the two, shorter ones more often.
    [[nodiscard]] Duration between(Duration least, Duration most);

    /// `event` happens then, on `core` or outside.
    void at(Time when, SimCore* core, std::function<void()> event);
    void after(Duration delay, SimCore* core, std::function<void()> event) {
        at(now_ + delay, core, std::move(event));
    }
    /// Lets the next thing happen; false when nothing will, before `end`.
    bool step(Time end);
    /// Nothing happens until then.
    void skip_to(Time when) { now_ = std::max(now_, when); }
    /// How many things have happened.
    [[nodiscard]] std::uint64_t events() const { return events_; }

private:
    friend class SimCore;
    /// Number: what is due at the same time happens in the order in which it was asked for.
    using Key = std::pair<Time, std::uint64_t>;
    struct Event {
        SimCore* core;
        std::function<void()> run;
    };

    std::mt19937_64 random_;
    std::uint32_t core_pause_;
    Time now_{std::chrono::hours{1}};
    SimCore* current_ = nullptr;
    std::uint64_t next_number_ = 0;
    std::uint64_t events_ = 0;
    std::map<Key, Event> queue_;
};

/// A core of a process that is simulated.
class SimCore final : public base::Core {
public:
    SimCore(World& world, base::CoreId id, std::size_t cores) : world_(world), id_(id), latest_(cores + 1) {}
    ~SimCore() = default;

    [[nodiscard]] base::CoreId id() const override { return id_; }
    [[nodiscard]] Time now() const override { return world_.now(); }
    [[nodiscard]] Time clock() const override { return world_.now(); }
    [[nodiscard]] std::uint64_t unix_ms() const override;
    void random(std::span<std::byte> out) override;
    void post(base::Message& message) override;
    void arm(base::Timer& timer, Time deadline) override;
    void disarm(base::Timer& timer) override;
    [[nodiscard]] base::BufferPool& buffers() override { return pool_; }

private:
    World& world_;
    base::CoreId id_;
    engine::testing::HeapPool pool_;
    std::vector<Time> latest_;  ///< by sender, those outside last: when the message comes that it sent last
};

}  // namespace targe::sim
