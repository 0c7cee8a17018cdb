#include "reactor/spin.h"

#include <algorithm>
#include <chrono>

namespace targe::reactor {

namespace {
using namespace std::chrono_literals;

/// Below this a spin saves nothing: falling asleep and waking take longer.
constexpr base::Duration kShortest = 5us;
/// What being woken takes and a spin would not have: so much of a gap that was slept through is our own
/// doing.
constexpr base::Duration kWakeUp = 25us;
}  // namespace

void SpinBound::found_work(base::Duration gap, bool slept) {
    const base::Duration wanted = slept ? gap - kWakeUp : gap;
    if (wanted <= longest_) {
        bound_ = std::min(longest_, std::max({bound_, 2 * wanted, 2 * kShortest}));
        return;
    }
    bound_ /= 2;
    if (bound_ < kShortest) {
        bound_ = {};
    }
}

void CpuDemand::yielded(base::Duration away, base::Time now) {
    if (away < kTaken) {
        pause_ = {};
        return;
    }
    pause_ = std::clamp<base::Duration>(2 * pause_, kShortestPause, kLongestPause);
    again_at_ = now + pause_;
}

}  // namespace targe::reactor
