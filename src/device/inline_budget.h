// Whether a call that is usually a copy of memory may be made on the reactor's own thread.
#pragma once

#include "base/core.h"

#include <algorithm>
#include <atomic>
#include <chrono>

namespace targe::device {

/// Writing to the page cache is a copy of memory, until the kernel makes the writer wait: for dirty pages,
/// for the journal, for a block that must be read first. Handing each write to a worker costs ten times the
/// copy, so writes are made in place, and timed: after a slow one, writes go to the ring for a while, for
/// twice as long each time that the first one afterwards is slow again. One slow call is thus all that other
/// units on the reactor wait for. Shared by all cores; written only when a call was slow, or the first not to
/// be.
class InlineBudget {
public:
    static constexpr base::Duration kSlow = std::chrono::milliseconds{1};
    static constexpr base::Duration kShortestPause = std::chrono::milliseconds{10};
    static constexpr base::Duration kLongestPause = std::chrono::seconds{2};

    [[nodiscard]] bool allows(base::Time now) const {
        return now.time_since_epoch().count() >= again_at_.load(std::memory_order_relaxed);
    }
    /// A call was made in place.
    void record(base::Time began, base::Time ended) {
        const base::Duration pause{pause_.load(std::memory_order_relaxed)};
        if (ended - began > kSlow) {
            const base::Duration next = std::clamp<base::Duration>(pause * 2, kShortestPause, kLongestPause);
            pause_.store(next.count(), std::memory_order_relaxed);
            again_at_.store((ended + next).time_since_epoch().count(), std::memory_order_relaxed);
        } else if (pause.count() != 0) {
            pause_.store(0, std::memory_order_relaxed);
        }
    }

private:
    std::atomic<base::Duration::rep> again_at_ = 0;
    std::atomic<base::Duration::rep> pause_ = 0;
};

}  // namespace targe::device
