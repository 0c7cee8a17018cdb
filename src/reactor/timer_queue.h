// The armed timers of one core.
#pragma once

#include "base/core.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace targe::reactor {

/// A heap with four children a node: a timer knows its slot, so that disarming costs no search. The earliest
/// deadline is in slot 0. Timers of the same deadline expire in no particular order.
class TimerQueue {
public:
    /// Sets or moves the deadline.
    void arm(base::Timer& timer, base::Time deadline);
    void disarm(base::Timer& timer);

    [[nodiscard]] std::optional<base::Time> next_deadline() const;
    /// A timer whose deadline has come, no longer armed; null when there is none.
    base::Timer* take_expired(base::Time now);
    [[nodiscard]] std::size_t size() const { return heap_.size(); }

private:
    void place(base::Timer& timer, std::size_t slot);
    void sift_up(base::Timer& timer, std::size_t slot);
    void sift_down(base::Timer& timer, std::size_t slot);

    std::vector<base::Timer*> heap_;
};

}  // namespace targe::reactor
