// What code that runs on a core may ask of it. The reactor is one; the simulator is another.
#pragma once

#include "base/assert.h"
#include "base/buffer.h"
#include "base/id.h"

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace targe::base {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

/// Work handed to a core. Whoever posts it keeps it alive until run() is called, once; from then on it is
/// free.
class Message {
public:
    Message() = default;
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    virtual void run() = 0;

    Message* next = nullptr;  ///< for the queue it is in

protected:
    ~Message() = default;
};

/// Something to be done at a time. Belongs to one core; disarmed before it ends.
class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    /// Called once per arm(), not before the deadline, with the timer no longer armed.
    virtual void expired() = 0;
    [[nodiscard]] bool armed() const { return slot != kNoSlot; }

    static constexpr std::size_t kNoSlot = ~std::size_t{0};
    std::size_t slot = kNoSlot;  ///< its place in the core's queue of timers; the core's own
    Time deadline{};

protected:
    ~Timer() { TARGE_ASSERT(!armed()); }
};

class Core {
public:
    Core() = default;
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    [[nodiscard]] virtual CoreId id() const = 0;
    /// The time at which the present turn began. Only on this core.
    [[nodiscard]] virtual Time now() const = 0;
    /// The time as it is now, to within what a few commands take: calls of one turn may share a look at the
    /// clock. Only on this core.
    [[nodiscard]] virtual Time clock() const = 0;
    /// The host's calendar clock: milliseconds since 1970-01-01 00:00 UTC. It may jump.
    [[nodiscard]] virtual std::uint64_t unix_ms() const = 0;
    /// Bytes that nobody can guess. Only on this core.
    virtual void random(std::span<std::byte> out) = 0;
    /// Runs `message` on this core in a later turn. From any thread; messages of one sender keep their order.
    virtual void post(Message& message) = 0;
    /// Sets or moves the deadline. Only on this core.
    virtual void arm(Timer& timer, Time deadline) = 0;
    /// Nothing happens when it is not armed. Only on this core.
    virtual void disarm(Timer& timer) = 0;
    /// Only on this core.
    [[nodiscard]] virtual BufferPool& buffers() = 0;

protected:
    ~Core() = default;
};

/// All cores, by CoreId.
using Cores = std::span<Core* const>;

/// Runs `work` once on `core`, later. Allocates: for what is rare.
template <class Work>
void post(Core& core, Work work) {
    struct Once final : Message {
        Work work;
        explicit Once(Work w) : work(std::move(w)) {}
        void run() override {
            Work mine = std::move(work);
            delete this;
            mine();
        }
    };
    core.post(*new Once(std::move(work)));
}

/// `co_await hop_to(core)`: the coroutine goes on, in a later turn, on `core`. Allocates nothing.
class hop_to final : public Message {
public:
    explicit hop_to(Core& core) : core_(core) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) noexcept {
        self_ = self;
        core_.post(*this);
    }
    void await_resume() const noexcept {}
    void run() override { self_.resume(); }

private:
    Core& core_;
    std::coroutine_handle<> self_;
};

/// `co_await sleep_for(core, duration)`: goes on when the time has passed. On `core` already.
class sleep_for final : public Timer {
public:
    sleep_for(Core& core, Duration duration) : core_(core), duration_(duration) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) noexcept {
        self_ = self;
        core_.arm(*this, core_.now() + duration_);
    }
    void await_resume() const noexcept {}
    void expired() override { self_.resume(); }

private:
    Core& core_;
    Duration duration_;
    std::coroutine_handle<> self_;
};

}  // namespace targe::base
