#include "engine/task_set.h"

#include "engine/command_path.h"
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/run_on.h"

#include <utility>

namespace targe::engine {

using detail::Stage;
using scsi::TaskAttribute;

namespace {

/// With restricted reordering SIMPLE tasks are executed in the order in which they came, which is more than
/// QUEUE ALGORITHM MODIFIER asks for.
bool is_ordered(const Command& command) {
    return command.attribute == TaskAttribute::ordered ||
           (command.attribute == TaskAttribute::simple &&
            command.life.unit->lane.state().pages.queue_algorithm ==
                scsi::QueueAlgorithm::restricted_reordering);
}

/// What is let in while an ACA condition is in effect goes before the tasks that stand still.
bool goes_first(const Command& command) {
    return command.attribute == TaskAttribute::head_of_queue || command.life.passes_aca;
}

bool must_wait_its_turn(const Command& command, const TaskSet& set) {
    if (goes_first(command)) {
        return false;
    }
    return set.barriers > 0 || !set.out_of_turn.empty() ||
           (command.life.is_ordered && (set.in_order > 0 || set.shared));
}

/// Without being waited for: newer tasks of other cores may begin until the message is there.
void tell_other_lanes(Lane& from, void (*what)(TaskSet&)) {
    const auto unit = from.unit().shared_from_this();
    for (base::Core* const core : unit->cores()) {
        if (core != &from.core()) {
            base::post(*core, [unit, core, what] { what(unit->lane(*core).shared_tasks()); });
        }
    }
}

void raise_barrier(TaskSet& set) {
    ++set.barriers;
}

void lower_barrier(TaskSet& set) {
    TARGE_ASSERT(set.barriers > 0);
    --set.barriers;
    next_in_order(set);
}

bool is_head(const Command& command) {
    return command.attribute == TaskAttribute::head_of_queue;
}

void enter_order(Command& command, TaskSet& set) {
    command.life.in_order = true;
    ++set.in_order;
    if (command.life.is_ordered || is_head(command)) [[unlikely]] {
        ++set.barriers;
        if (set.shared && is_head(command)) {
            tell_other_lanes(set.lane, raise_barrier);
        }
    }
}

void want_turn(Command& command, TaskSet& set) {
    Lane& lane = set.lane;
    command.life.turn = lane.next_turn();
    run_on(lane.core(), lane.unit().home().core(),
           [unit = lane.unit().shared_from_this(), core = &lane.core(), turn = command.life.turn] {
               unit->home().turns().want(turn, *core);
           });
}

void wait_its_turn(Command& command, TaskSet& set) {
    if (set.lane.quarantined()) {
        finish(command, scsi::Status::busy);
        return;
    }
    command.life.stage = Stage::parked;
    set.out_of_turn.push_back(command);
    if (set.shared && command.life.is_ordered) {
        want_turn(command, set);
    }
}

/// Whether the oldest that waits goes on waiting, though nothing stands still.
bool awaits_older(const Command& oldest, const TaskSet& set) {
    return oldest.life.is_ordered && (set.in_order > 0 || (set.shared && !oldest.life.has_turn));
}

}  // namespace

void take_turn(Command& command) {
    TaskSet& set = command.life.unit->task_set;
    command.life.is_ordered = is_ordered(command);
    if (must_wait_its_turn(command, set)) [[unlikely]] {
        wait_its_turn(command, set);
        return;
    }
    enter_order(command, set);
    proceed(command);
}

void leave_order(Command& command) {
    if (!command.life.in_order) {
        return;
    }
    TaskSet& set = command.life.unit->task_set;
    command.life.in_order = false;
    --set.in_order;
    if (command.life.is_ordered || is_head(command)) [[unlikely]] {
        --set.barriers;
        if (set.shared && is_head(command)) {
            tell_other_lanes(set.lane, lower_barrier);
        }
    }
}

void next_in_order(TaskSet& set) {
    if (set.barriers > 0) [[unlikely]] {
        if (set.in_order == 0 && set.drained) {
            std::exchange(set.drained, {})();
        }
        return;
    }
    while (!set.out_of_turn.empty() && set.barriers == 0 && set.aca_conditions == 0) {
        Command& next = set.out_of_turn.front();
        if (awaits_older(next, set)) {
            return;
        }
        set.out_of_turn.pop_front();
        enter_order(next, set);
        proceed(next);
    }
}

void refuse_waiting(TaskSet& set) {
    while (!set.out_of_turn.empty()) {
        finish(set.out_of_turn.pop_front(), scsi::Status::busy);
    }
}

void grant_turn(TaskSet& set, TurnId turn) {
    for (Command& waiting : set.out_of_turn) {
        if (waiting.life.turn == turn) {
            waiting.life.has_turn = true;
            next_in_order(set);
            return;
        }
    }
    // It was ended meanwhile, and has given it up.
}

void give_up_turn(TaskSet& set, TurnId turn) {
    Lane& lane = set.lane;
    run_on(lane.core(), lane.unit().home().core(),
           [unit = lane.unit().shared_from_this(), turn] { unit->home().turns().give_up(turn); });
}

void bar(TaskSet& set, std::function<void()> drained) {
    TARGE_ASSERT(!set.drained);
    ++set.barriers;
    set.drained = std::move(drained);
    next_in_order(set);
}

void unbar(TaskSet& set) {
    set.drained = {};
    lower_barrier(set);
}

}  // namespace targe::engine
