// One thread, one io_uring, everything that runs on a core.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "reactor/inbox.h"
#include "reactor/running_time.h"
#include "reactor/setup_error.h"
#include "reactor/spin.h"
#include "reactor/timer_queue.h"

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct io_uring_sqe;

namespace targe::reactor {

class BufferCache;
class PagePipes;
class Plug;
class Ring;
class LargeTurn;
class LargeTurnTag;

/// What is told how an operation of the ring ended. It must stay in place from Reactor::prepare() until the
/// last completed(), the one without kMore in its flags: the kernel, or the present turn, still points at it.
class Completion {
public:
    /// The operation goes on (multishot): completed() will be called again.
    static constexpr unsigned kMore = 1U << 1;

    Completion() = default;
    Completion(const Completion&) = delete;
    Completion& operator=(const Completion&) = delete;
    /// `result` is what the system call would have returned, a negative errno when it failed.
    virtual void completed(int result, unsigned flags) = 0;

protected:
    ~Completion() = default;
};

/// Something to be done once at the end of a turn, when everything that arrived has been worked on: a stream
/// sends there, in one system call, all that the turn has produced.
class TurnEnd : public base::ListHook<class TurnEndTag> {
public:
    virtual void turn_ended() = 0;
    [[nodiscard]] bool did_much() const { return did_much_; }
    [[nodiscard]] bool is_waited_for() const { return is_waited_for_; }

protected:
    ~TurnEnd() = default;
    /// False: it only helps the others, see Reactor::others_wait().
    bool is_waited_for_ = true;
    /// So much was done last time that others need not wait for all who do that: of those that did much, one
    /// has its turn after the others.
    bool did_much_ = false;
};

/// Something that can be asked cheaply whether work has arrived, in every turn while the reactor is awake, so
/// that the answer to a busy peer does not wait for the ring.
class Poller : public base::ListHook<class PollerTag> {
public:
    /// Whether there was work. It may leave the list in here, but not end.
    virtual bool poll() = 0;
    /// The reactor is about to sleep. The poller is in no list any more and asks the ring to be woken.
    virtual void park() = 0;
    [[nodiscard]] bool found_much() const { return found_much_; }
    [[nodiscard]] bool is_waited_for() const { return is_waited_for_; }

protected:
    ~Poller() = default;
    /// As TurnEnd::is_waited_for_.
    bool is_waited_for_ = true;
    /// As TurnEnd::did_much_.
    bool found_much_ = false;
};

struct ReactorOptions {
    std::optional<unsigned> cpu;                       ///< the one to run on; nothing: any
    std::uint64_t buffer_limit_bytes = 256ULL << 20U;  ///< of its buffer cache
    unsigned ring_entries = 1024;  ///< submissions that fit before they must be handed over
    base::Duration longest_spin = std::chrono::microseconds{50};  ///< 0: always sleeps at once
};

/// Counted since the reactor was made. Its own core may read them at any time, others after it ended.
struct ReactorStats {
    std::uint64_t turns = 0;
    std::uint64_t sleeps = 0;  ///< waits that gave the CPU away
    std::uint64_t completions = 0;
    std::uint64_t messages = 0;
    base::Duration worked{};          ///< in turns that found work
    std::uint64_t wake_ups_sent = 0;  ///< system calls that other threads made to wake this one
};

/// A core that is a thread. A turn runs messages, expired timers, what the ring completed and what the
/// pollers find, then the ends of turn; then everything prepared goes to the kernel in the same system call
/// that waits.
class Reactor final : public base::Core {
public:
    [[nodiscard]] static std::expected<std::unique_ptr<Reactor>, SetupError> create(
        base::CoreId id, const ReactorOptions& options);
    ~Reactor();

    /// The reactor whose thread this is; null on other threads.
    [[nodiscard]] static Reactor* current();

    [[nodiscard]] const ReactorOptions& options() const { return options_; }
    [[nodiscard]] base::CoreId id() const override { return id_; }
    [[nodiscard]] base::Time now() const override { return now_; }
    [[nodiscard]] base::Time clock() const override {
        if (looks_left_ == 0) {
            looked_at_ = RunningTime::now();
            looks_left_ = kSharedLook;
        }
        --looks_left_;
        return looked_at_;
    }
    [[nodiscard]] std::uint64_t unix_ms() const override;
    void random(std::span<std::byte> out) override;
    void post(base::Message& message) override;
    void arm(base::Timer& timer, base::Time deadline) override;
    void disarm(base::Timer& timer) override;
    [[nodiscard]] base::BufferPool& buffers() override;
    [[nodiscard]] BufferCache& buffer_cache() { return *buffers_; }
    [[nodiscard]] Plug& plug() { return *plug_; }
    [[nodiscard]] PagePipes& page_pipes() { return *page_pipes_; }

    /// A submission to be filled in with io_uring_prep_*(); it reaches the kernel before the reactor waits
    /// next. Only on this core.
    [[nodiscard]] io_uring_sqe& prepare(Completion& completion);
    /// Asks the kernel to end an operation early. It still completes, with -ECANCELED or as if not cancelled.
    void cancel(Completion& completion);

    /// Calls hook.turn_ended() once, at the end of this turn; from within an end of turn, at the end of the
    /// next.
    void at_turn_end(TurnEnd& hook);
    /// Polls `poller` in every turn until it unlinks itself or is parked.
    void add_poller(Poller& poller);

    /// `turn` goes on in a later turn, as the only large one of it. It stays in place until then.
    void add_large(LargeTurn& turn);

    /// Whether somebody waits while the poller, the end of turn or the large turn that runs now goes on. A
    /// peer does; what only helps those that are there, the queue of a device for one, does not.
    [[nodiscard]] bool others_wait() const { return others_wait_; }

    /// Runs on the calling thread until stop(), then until nothing is left to wait for. Once.
    void run();
    /// Asks run() to return: when operations, timers, messages and loans have ended, or after `drain_limit`.
    /// From any thread.
    void stop(base::Duration drain_limit = std::chrono::seconds{5});

    /// What is still held: operations, timers, buffers, messages, hooks. Empty after an orderly end.
    [[nodiscard]] std::vector<std::string> leaks() const;
    [[nodiscard]] ReactorStats stats() const;

private:
    class WakeUp;
    static constexpr base::Duration::rep kRunning = -1;
    /// Calls of clock() that share one look: a look costs as much as a tenth of an ordinary command.
    static constexpr unsigned kSharedLook = 16;

    Reactor(base::CoreId id, const ReactorOptions& options, std::unique_ptr<Ring> ring);
    void turn();
    bool run_messages();
    bool run_timers();
    bool run_completions();
    bool run_pollers();
    void run_turn_ends();
    void wait();
    [[nodiscard]] bool may_spin() const;
    void yield();
    void sleep();
    [[nodiscard]] bool finished();

    base::CoreId id_;
    ReactorOptions options_;
    base::Time now_;
    mutable base::Time looked_at_{};
    mutable unsigned looks_left_ = 0;  ///< calls of clock() that looked_at_ is still good for
    std::unique_ptr<Ring> ring_;
    TimerQueue timers_;
    std::unique_ptr<BufferCache> buffers_;
    std::unique_ptr<PagePipes> page_pipes_;
    std::unique_ptr<Plug> plug_;
    base::IntrusiveList<TurnEnd, TurnEndTag> turn_ends_;
    base::IntrusiveList<Poller, PollerTag> pollers_;
    base::IntrusiveList<LargeTurn, LargeTurnTag> large_;
    std::unique_ptr<WakeUp> wake_up_;
    SpinBound spin_bound_;
    CpuDemand cpu_demand_;
    Inbox inbox_;
    MessageList local_;  ///< from this core to itself, and what was taken from the inbox
    ReactorStats stats_;
    std::uint64_t operations_ = 0;  ///< prepared and not yet completed for the last time, other than our own
    base::Time worked_at_;          ///< when the last turn that found work ended
    unsigned empty_turns_ = 0;      ///< since then
    /// It wakes now and then though nothing is to be done: see RunningTime.
    bool looks_for_all_ = id_ == base::CoreId{0};
    bool others_wait_ = false;
    bool slept_ = false;                     ///< before this turn
    std::optional<base::Time> drain_until_;  ///< set by the first turn that sees stop_after_
    std::atomic<base::Duration::rep> stop_after_ = kRunning;
};

}  // namespace targe::reactor
