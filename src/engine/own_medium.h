// Work that was begun on one medium and would destroy what is on another: an erasure, and an atomic write
// that is brought to its end.
#pragma once

#include "base/task.h"
#include "device/device.h"
#include "engine/logical_unit.h"

#include <atomic>
#include <cstdint>
#include <memory>

namespace targe::engine {

/// The medium of such work.
struct OwnMedium {
    std::uint64_t number = 0;  ///< Device::medium() when it was known to be that one
    bool is_another = false;   ///< the one that is there now: nothing was done to it
};

/// Which erasure was the latest, or null: each has a progress of its own.
using LatestErasure = std::shared_ptr<std::atomic<std::uint16_t>>;

/// Pins it, after a look whether it is still the one where something may have taken its place. At home.
base::Task<device::IoResult> pin_own_medium(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own);

/// An operation that is done to that medium, or to none.
template <class Operation>
base::Task<device::IoResult> on_own_medium(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own,
                                           Operation operation) {
    const device::IoResult pinned = co_await pin_own_medium(arena, unit, own);
    if (!pinned) {
        co_return pinned;
    }
    const device::IoResult result = co_await operation(arena);
    unit.device().unpin();
    co_return result;
}

/// Work has met another medium than its own: nobody may use that until an administrator has decided. Not
/// where another erasure than `latest` has begun since: whoever asked for that meant this one.
base::Task<void> hold_back(base::CommandArena& arena, LogicalUnit& unit, LatestErasure latest);

}  // namespace targe::engine
