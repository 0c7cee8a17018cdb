// How long a handler may keep a request.
#pragma once

#include "base/core.h"

#include <algorithm>
#include <chrono>

namespace targe::device {

/// When a handler that has taken a request counts as hung. It is overdue at `overdue`, by a deadline of
/// `deadline`; the handler has ended something, of whatever queue, at `heard` last. One that ended something
/// of late is slow, so it may go on, for half a deadline longer at most.
[[nodiscard]] constexpr base::Time limit_of_taken(base::Time overdue, base::Time heard,
                                                  std::chrono::milliseconds deadline) {
    const base::Clock::duration more = base::Clock::duration{deadline} / 2;
    return std::clamp(heard + more, overdue, overdue + more);
}

}  // namespace targe::device
