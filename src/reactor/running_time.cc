#include "reactor/running_time.h"

#include "base/log.h"

namespace targe::reactor {

void RunningTime::leave_out_gap(base::Time host) {
    const std::scoped_lock lock{mutex_};
    const base::Duration gap =
        host.time_since_epoch() - base::Duration{looked_at_.load(std::memory_order_relaxed)};
    if (gap < kStopped) {
        return;  // another thread has found it first
    }
    left_out_.fetch_add((gap - kGrain).count(), std::memory_order_relaxed);
    looked_at_.store(host.time_since_epoch().count(), std::memory_order_release);
    TARGE_LOG(warning, "reactor",
              "this process did not run for {} s: that time counts against no initiator and no handler",
              std::chrono::duration_cast<std::chrono::seconds>(gap).count());
}

RunningTime& RunningTime::instance() {
    static RunningTime time{base::Clock::now()};
    return time;
}

}  // namespace targe::reactor
