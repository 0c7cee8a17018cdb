// Cores without threads or clocks: the test says what runs, or a seed does.
#pragma once

#include "base/core.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace targe::engine::testing {

/// Recycles, so that a warm path can be held to no allocation at all.
class HeapPool final : public base::BufferPool {
public:
    ~HeapPool() override;
    [[nodiscard]] std::optional<base::Buffer> take(std::size_t size) override;
    [[nodiscard]] base::BufferPoolStats stats() const override { return stats_; }
    void set_limit(std::uint64_t bytes) { stats_.limit_bytes = bytes; }

private:
    void give_back(std::byte* data, std::size_t capacity) noexcept override;

    std::map<std::size_t, std::vector<std::byte*>> free_;
    base::BufferPoolStats stats_{.limit_bytes = std::uint64_t{1} << 30U};
};

class World;

class FakeCore final : public base::Core {
public:
    FakeCore(World& world, base::CoreId id) : world_(world), id_(id) {}
    ~FakeCore() = default;

    [[nodiscard]] base::CoreId id() const override { return id_; }
    [[nodiscard]] base::Time now() const override;
    [[nodiscard]] base::Time clock() const override;
    /// The same as now(), as if the world had begun in 1970.
    [[nodiscard]] std::uint64_t unix_ms() const override;
    void random(std::span<std::byte> out) override;
    void post(base::Message& message) override;
    void arm(base::Timer& timer, base::Time deadline) override;
    void disarm(base::Timer& timer) override;
    [[nodiscard]] base::BufferPool& buffers() override { return pool_; }
    [[nodiscard]] HeapPool& pool() { return pool_; }

private:
    friend class World;
    World& world_;
    base::CoreId id_;
    HeapPool pool_;
    /// By sender: the messages of one keep their order, those of several may come in any.
    std::vector<std::deque<base::Message*>> inbox_;
    std::vector<base::Timer*> timers_;
};

/// A few cores in one thread. Everything that could happen next is a choice of the seed.
class World {
public:
    World(std::size_t cores, std::uint64_t seed);

    [[nodiscard]] base::Cores cores() const { return all_; }
    [[nodiscard]] FakeCore& core(std::size_t i) { return *cores_[i]; }
    [[nodiscard]] std::mt19937_64& random() { return random_; }
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    [[nodiscard]] base::Time now() const { return now_; }
    /// The core that runs what runs now.
    [[nodiscard]] base::Core& current() { return *all_[current_]; }

    /// Something that can happen at some time on a core: a device's completion.
    void later(base::Core& core, std::function<void()> event);
    /// Runs `work` as if `core` ran it.
    void as(const base::Core& core, const std::function<void()>& work);
    /// Lets one thing happen that can; false when nothing can.
    bool step();
    /// Lets everything happen, timers excepted.
    void run();
    /// Lets time pass: run(), then each timer that is due.
    void advance(base::Duration duration);

private:
    friend class FakeCore;
    struct Event {
        std::size_t core;
        std::function<void()> what;
    };

    bool deliver(std::size_t choice);
    base::Timer* take_due();

    std::mt19937_64 random_;
    base::Time now_{std::chrono::hours{1}};
    std::size_t current_ = 0;
    std::vector<std::unique_ptr<FakeCore>> cores_;
    std::vector<base::Core*> all_;
    std::vector<Event> events_;
};

}  // namespace targe::engine::testing
