#include "engine/every_lane.h"

#include "engine/logical_unit.h"
#include "engine/run_on.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

/// Touched on the core that asks, but for being passed around.
struct Round {
    base::Core& asking;
    std::size_t left;
    std::function<void()> done;
};

void answer(base::Core& here, const std::shared_ptr<Round>& round) {
    run_on(here, round->asking, [round] {
        if (--round->left == 0) {
            std::exchange(round->done, {})();
        }
    });
}

}  // namespace

void on_every_lane(Lane& from, LaneWork work, std::function<void()> done) {
    const auto unit = from.unit().shared_from_this();
    const auto round = std::make_shared<Round>(
        Round{.asking = from.core(), .left = unit->cores().size(), .done = std::move(done)});
    base::Core& home = unit->home().core();
    run_on(from.core(), home, [unit, round, home = &home, work = std::move(work)] {
        for (base::Core* const core : unit->cores()) {
            run_on(*home, *core, [unit, core, round, work] {
                work(unit->lane(*core), [core, round] { answer(*core, round); });
            });
        }
    });
}

}  // namespace targe::engine
