// How long to look for work before going to sleep.
#pragma once

#include "base/core.h"

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

}  // namespace targe::reactor
