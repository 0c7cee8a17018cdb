// How long to look for work before going to sleep.
#pragma once

#include "base/core.h"

#include <chrono>

namespace targe::reactor {

/// Learns from the gaps between turns whether waiting awake pays: a gap that a longer spin would have bridged
/// makes the bound grow, one that no allowed spin could have bridged makes it shrink, to nothing within a few
/// turns.
class SpinBound {
public:
    explicit SpinBound(base::Duration longest) : longest_(longest) {}

    [[nodiscard]] base::Duration value() const { return bound_; }
    /// Work came `gap` after the last was done.
    void found_work(base::Duration gap, bool slept);

private:
    base::Duration longest_;
    base::Duration bound_{};
};

/// Notices that others want this CPU. Whoever spins beside them loses it for milliseconds: the kernel counts
/// the spinning against it, and since Linux 6.18 each yield as a whole slice; whoever sleeps is woken before
/// them. So after a yield that took long there is no spinning for a while, for twice as long each time that
/// the first yield afterwards took long again.
class CpuDemand {
public:
    /// Longer than an errand of the kernel's own.
    static constexpr base::Duration kTaken = std::chrono::microseconds{200};
    static constexpr base::Duration kShortestPause = std::chrono::milliseconds{10};
    static constexpr base::Duration kLongestPause = std::chrono::seconds{2};

    [[nodiscard]] bool leaves_room(base::Time now) const { return now >= again_at_; }
    /// The CPU was offered, and was ours again at `now`, after `away`.
    void yielded(base::Duration away, base::Time now);

private:
    base::Time again_at_{};
    base::Duration pause_{};
};

}  // namespace targe::reactor
