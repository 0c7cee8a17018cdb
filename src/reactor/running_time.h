// Time as far as the process runs.
#pragma once

#include "base/core.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>

namespace targe::reactor {

/// A clock that stands still while the whole process is stopped, by SIGSTOP, a frozen cgroup or a paused
/// machine: what an initiator or a handler sends meanwhile is not heard, and time that nobody listened in
/// counts against nobody. Every core tells this time, and each deadline is in it.
///
/// That the process was stopped shows when it runs again: nobody has looked for longer than anybody may be
/// asleep. Then a second of the gap is counted, and the rest is not. A shorter stop goes unnoticed. From any
/// thread; never goes back.
class RunningTime {
public:
    /// Somebody looks at least so often while the process runs: the first reactor sleeps no longer.
    static constexpr base::Duration kBetweenLooks = std::chrono::seconds{5};
    /// What is remembered of looks: no look is later than the one remembered by more.
    static constexpr base::Duration kGrain = std::chrono::seconds{1};
    /// With room for a thread that is late.
    static constexpr base::Duration kStopped = kBetweenLooks + 2 * kGrain;

    explicit RunningTime(base::Time now) : looked_at_(now.time_since_epoch().count()) {}

    /// What time it is when the host's steady clock says `host`.
    [[nodiscard]] base::Time look(base::Time host) {
        Count seen = looked_at_.load(std::memory_order_acquire);
        const base::Duration gap = host.time_since_epoch() - base::Duration{seen};
        if (gap >= kStopped) [[unlikely]] {
            leave_out_gap(host);
        } else if (gap >= kGrain) [[unlikely]] {
            // Not when another has been faster.
            looked_at_.compare_exchange_strong(seen, host.time_since_epoch().count(),
                                               std::memory_order_acq_rel);
        }
        // Its clock may have been read before a stop that others have found meanwhile.
        host = std::max(host, base::Time{base::Duration{seen}});
        return host - base::Duration{left_out_.load(std::memory_order_relaxed)};
    }
    /// Nobody has looked until now because there was nothing to look for.
    void begin(base::Time host) {
        const std::scoped_lock lock{mutex_};
        looked_at_.store(host.time_since_epoch().count(), std::memory_order_release);
    }

    /// What the host's clock says at `time`, unless the process is stopped before: for other processes.
    [[nodiscard]] base::Time on_host(base::Time time) const {
        return time + base::Duration{left_out_.load(std::memory_order_relaxed)};
    }

    /// The process's.
    [[nodiscard]] static RunningTime& instance();
    [[nodiscard]] static base::Time now() { return instance().look(base::Clock::now()); }

private:
    using Count = base::Duration::rep;
    void leave_out_gap(base::Time host);

    std::mutex mutex_;  ///< of whoever finds a gap
    std::atomic<Count> looked_at_;
    std::atomic<Count> left_out_ = 0;  ///< final before looked_at_ tells of the look that found it
};

}  // namespace targe::reactor
