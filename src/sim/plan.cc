#include "sim/fault_model.h"

#include <random>

namespace targe::sim {

Plan plan_of(std::uint64_t seed) {
    std::mt19937_64 random(seed ^ 0x7461'7267'6573'696dU);
    const auto below = [&](std::uint64_t bound) { return random() % bound; };
    // Of the runs that have a fault at all, some have it often.
    const auto odds = [&](unsigned of_ten, std::uint32_t seldom, std::uint32_t often) {
        return below(10) >= of_ten ? 0U : below(3) == 0 ? often : seldom;
    };
    Plan plan;
    plan.cores = 1 + below(3);
    plan.initiators = 2 + below(3);
    plan.steps = 60 + below(300);
    plan.write_through = below(3) == 0;
    plan.lends = below(4) == 0;
    plan.persistent = below(3) != 0;
    plan.reserves = below(3) != 0;
    plan.manages = below(3) != 0;
    plan.administrates = below(4) == 0;
    plan.selects = below(3) == 0;
    plan.reconnects = below(2) == 0;
    plan.ordered = below(3) == 0 ? 40 : static_cast<std::uint32_t>(below(15));
    plan.faults = {.disk_error = odds(3, 50, 500),
                   .disk_slow = odds(5, 100, 1000),
                   .disk_hang = odds(1, 10, 60),
                   .store_error = odds(3, 500, 2000),
                   .wire_break = odds(3, 2000, 8000),
                   .wire_silence = odds(3, 500, 3000),
                   .small_window = odds(3, 2000, 8000),
                   .core_pause = odds(4, 20, 200),
                   .kill = odds(3, 30, 100),
                   .power_cut = static_cast<std::uint32_t>(below(10'001))};
    plan.shared = below(4) == 0;
    plan.moves = plan.cores == 1 || below(2) == 0 ? 0 : static_cast<std::uint32_t>(1 + below(30));
    return plan;
}

}  // namespace targe::sim
