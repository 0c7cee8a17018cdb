#include "engine/ordered_turns.h"

#include "engine/logical_unit.h"
#include "engine/run_on.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

void OrderedTurns::want(TurnId turn, base::Core& core) {
    wanted_.push_back({turn, &core});
    pump();
}

void OrderedTurns::pump() {
    if (pumping_) {
        return;  // an outer call goes on: a row of tasks must not grow the stack
    }
    pumping_ = true;
    while (!begun_ && !wanted_.empty()) {
        begun_ = true;
        begin(wanted_.front());
    }
    pumping_ = false;
}

void OrderedTurns::begin(Wanted wanted) {
    base::Core& home = unit_.home().core();
    const auto unit = unit_.shared_from_this();
    lanes_left_ = unit_.cores().size() - 1;
    if (lanes_left_ == 0) {
        grant(wanted);
        return;
    }
    for (base::Core* const core : unit_.cores()) {
        if (core == wanted.core) {
            continue;  // there the task itself keeps newer ones waiting
        }
        run_on(home, *core, [unit, core, turn = wanted.turn] {
            bar(unit->lane(*core).shared_tasks(), [unit, core, turn] {
                run_on(*core, unit->home().core(), [unit, turn] { unit->home().turns().lane_drained(turn); });
            });
        });
    }
}

void OrderedTurns::lane_drained(TurnId turn) {
    if (!begun_ || wanted_.front().turn != turn) {
        return;  // given up meanwhile
    }
    if (--lanes_left_ == 0) {
        grant(wanted_.front());
    }
}

void OrderedTurns::grant(Wanted wanted) {
    run_on(unit_.home().core(), *wanted.core, [unit = unit_.shared_from_this(), wanted] {
        grant_turn(unit->lane(*wanted.core).shared_tasks(), wanted.turn);
    });
}

void OrderedTurns::give_up(TurnId turn) {
    const auto at = std::ranges::find(wanted_, turn, &Wanted::turn);
    TARGE_ASSERT(at != wanted_.end());
    const bool had_begun = begun_ && at == wanted_.begin();
    const base::Core* const its_core = at->core;
    wanted_.erase(at);
    if (!had_begun) {
        return;
    }
    begun_ = false;
    // What goes on here may want a turn, or give one up, before the other lanes are told.
    const bool outer = std::exchange(pumping_, true);
    for (base::Core* const core : unit_.cores()) {
        if (core != its_core) {
            run_on(unit_.home().core(), *core,
                   [unit = unit_.shared_from_this(), core] { unbar(unit->lane(*core).shared_tasks()); });
        }
    }
    pumping_ = outer;
    pump();
}

}  // namespace targe::engine
