#include "sim/kept.h"

#include <chrono>

namespace targe::sim {

base::Task<bool> SimStore::keep(base::CommandArena& /*arena*/, engine::Kept what, std::string text) {
    const bool fails = world_.chance(faults_.store_error);
    under_way_.insert_or_assign(what, text);
    const Duration taken = world_.between(std::chrono::microseconds{20}, std::chrono::milliseconds{20});
    co_await Pause{world_, taken};
    under_way_.erase(what);
    // One that fails may have been kept all the same.
    if (!cut_off_ && (!fails || world_.below(2) == 0)) {
        content_.insert_or_assign(what, std::move(text));
    }
    co_return !fails;
}

void SimStore::cut_off() {
    for (const auto& [what, text] : under_way_) {
        if (world_.below(2) == 0) {
            content_.insert_or_assign(what, text);
        }
    }
    cut_off_ = true;
}

}  // namespace targe::sim
