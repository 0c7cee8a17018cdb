// Work for another core, or at once when it is this one.
#pragma once

#include "base/core.h"

#include <utility>

namespace targe::engine {

/// Runs `work` on `there`: now when that is `here`, so that one core alone needs no messages.
template <class Work>
void run_on(base::Core& here, base::Core& there, Work work) {
    if (&here == &there) {
        work();
        return;
    }
    base::post(there, std::move(work));
}

}  // namespace targe::engine
