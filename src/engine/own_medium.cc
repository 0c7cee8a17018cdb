#include "engine/own_medium.h"

#include <chrono>
#include <expected>

namespace targe::engine {

base::Task<device::IoResult> pin_own_medium(base::CommandArena& arena, LogicalUnit& unit, OwnMedium& own) {
    constexpr std::chrono::milliseconds kBetweenTries{10};
    device::Device& disk = unit.device();
    UnitStore* const store = unit.settings().store.get();
    while (!unit.stopping()) {
        if (disk.away()) {
            // Or the operation itself would find it, and go on with whatever that is.
            const device::IoResult found = co_await disk.probe(arena);
            if (!found) {
                co_return found;
            }
        }
        if (disk.pin(own.number)) {
            co_return device::IoResult{};
        }
        const std::uint64_t now = disk.medium();
        if (now == own.number) {
            co_await base::sleep_for(unit.home().core(),
                                     kBetweenTries);  // another is about to take its place
            continue;
        }
        if (store != nullptr) {
            const bool known = co_await store->look_again(arena, Unfinished::compare);
            own.is_another = known && store->begun_elsewhere();
            if (!known || own.is_another) {
                co_return std::unexpected(device::IoFailure{.error = device::IoError::gone, .lba = 0});
            }
        }
        own.number = now;
    }
    co_return std::unexpected(device::IoFailure{.error = device::IoError::no_resources, .lba = 0});
}

base::Task<void> hold_back(base::CommandArena& /*arena*/, LogicalUnit& unit, LatestErasure latest) {
    Change change{unit.home()};
    co_await change.begin();
    if (change.state().progress == latest) {
        change.state().work = MediumWork::begun_elsewhere;
    }
    co_await change.commit();
}

}  // namespace targe::engine
