// How tasks of one core end before their time: what waits is dropped, what executes is marked and awaited.
#include "engine/aca.h"
#include "engine/command_path.h"
#include "engine/copy_manager.h"
#include "engine/fault.h"
#include "engine/lane.h"
#include "engine/nexus.h"
#include "engine/visitor.h"

#include <algorithm>
#include <utility>

namespace targe::engine {

using detail::Stage;

namespace {

bool waits(const Command& command) {
    return command.life.stage == Stage::parked || command.life.stage == Stage::awaiting_data ||
           command.life.stage == Stage::ending;
}

bool may_touch_medium(const Command& command) {
    return command.life.stage == Stage::executing || command.life.stage == Stage::at_home ||
           command.life.stage == Stage::copying;
}

/// Whatever its device still does, nothing changes by it.
bool only_reads(const Command& command) {
    const auto& life = command.life;
    return life.stage == Stage::executing && life.at_server == nullptr && !life.moves_range &&
           life.access.data_in_bytes > 0 && life.info != nullptr && !life.info->rules.writes_medium;
}

bool concerns(const AbortScope& scope, const NexusUnit& nexus) {
    return (!scope.only || nexus.nexus.id() == *scope.only) && (!scope.lun || nexus.lun == *scope.lun) &&
           is_among(scope.among, nexus);
}

bool is_in(const AbortScope& scope, const Command& task) {
    return concerns(scope, *task.life.unit) && &task != scope.spared &&
           !(scope.by_fault && task.life.stage == Stage::ending);
}

/// A copy that it ends and that is not gone. One that this unit was asked for is, once they have parted; any
/// other has no more to do here than the piece that is under way. The unit that it is at may hang.
bool awaits(const Visit& visit, const AbortScope& scope, std::uint32_t epoch) {
    return visit.cancelled_before(epoch) &&
           ((visit.is_inside() && !visit.is_aside()) || (visit.was_asked_here() && !visit.has_parted())) &&
           concerns(scope, visit.unit());
}

}  // namespace

AbortScope AbortScope::own_tasks(const NexusUnit& unit) {
    return {.only = unit.nexus.id(), .lun = unit.lun, .requester = unit.nexus.id()};
}

/// What others have ended, and a device may not let go of for long, is no business of this one.
bool Lane::draining(const Drain& drain) {
    for (const Command& task : tasks_) {
        const bool is_meant = drain.one != nullptr ? &task == drain.one : concerns(drain.of, *task.life.unit);
        if (is_meant && task.life.aborted.load(std::memory_order_relaxed) && may_touch_medium(task) &&
            task.life.abort_epoch <= drain.epoch) {
            return true;
        }
    }
    return drain.one == nullptr && std::ranges::any_of(visits_, [&](const Visit& visit) {
               return awaits(visit, drain.of, drain.epoch);
           });
}

bool Lane::closes_behind_copies() {
    return closes_with_ && std::ranges::any_of(visits_, [&](const Visit& visit) {
               return awaits(visit, closes_with_->of, closes_with_->epoch);
           });
}

/// Resets, and a unit that leaves the LUN map. What ends a nexus's own tasks ends the command that asked for
/// a copy, where there is one, and with it the copy.
void Lane::cancel_visits(const AbortScope& scope) {
    for (Visit& visit : visits_) {
        if (concerns(scope, visit.unit()) && (scope.clears_aca || visit.unit().removed)) {
            visit.cancel(abort_epoch_);
        }
    }
}

void Lane::mark(Command& command, const AbortScope& scope) {
    if (command.life.aborted.load(std::memory_order_relaxed)) {
        // Its own initiator ends it too, and must not hear of it after that function's answer.
        if (command.life.unit->nexus.id() == scope.requester) {
            command.life.told_when_aborted = false;
        }
        return;
    }
    command.life.aborted.store(true, std::memory_order_relaxed);
    command.life.abort_epoch = abort_epoch_;
    if (command.life.visitor != nullptr) {
        command.life.visitor->cancel();
        command.life.visitor->part();
    }
    if (command.life.at_server != nullptr) {
        command.life.at_server->abort();
    }
    ++counters_.aborted;
    NexusUnit& owner = *command.life.unit;
    if (owner.nexus.id() == scope.requester) {
        return;
    }
    if (state_->pages.task_aborted_status) {
        command.life.told_when_aborted = true;
    } else if (scope.tell_others && owner.cleared_in != abort_epoch_) {
        owner.cleared_in = abort_epoch_;  // once for all of them
        owner.raise(scsi::Asc::commands_cleared_by_another_initiator);
    }
}

void Lane::abort(const AbortScope& scope, std::function<void()> drained) {
    ++abort_epoch_;
    Drain drain{.epoch = abort_epoch_, .of = scope, .drained = std::move(drained)};
    base::IntrusiveList<Command, LaneTasks> ending;
    for (auto at = tasks_.begin(); at != tasks_.end();) {
        Command& task = *at++;
        if (!is_in(scope, task)) {
            continue;
        }
        mark(task, scope);
        if (waits(task)) {
            // Out of whatever it waits in, so that nothing wakes it.
            static_cast<base::ListHook<Parked>&>(task).unlink();
            static_cast<base::ListHook<LaneTasks>&>(task).unlink();
            ending.push_back(task);
        }
    }
    cancel_visits(scope);
    const std::vector<NexusUnit*> faulted =
        scope.clears_aca ? forget_faults(scope) : std::vector<NexusUnit*>{};
    // From here on tasks end and go on: the change that closes the lane may be over, and `scope` with it.
    for (NexusUnit* const nexus : faulted) {
        clear_aca(*nexus);
    }
    // Told only now: whoever is told may submit, and so change the list.
    while (!ending.empty()) {
        drop(ending.pop_front());
    }
    await_drained(std::move(drain));
}

/// What resets, and PREEMPT AND ABORT, end besides tasks: copies, and the ACA conditions of the nexuses that
/// it returns.
std::vector<NexusUnit*> Lane::forget_faults(const AbortScope& scope) {
    std::vector<NexusUnit*> faulted;
    for (NexusUnit& nexus : nexuses_) {
        if (!concerns(scope, nexus)) {
            continue;
        }
        if (nexus.faulted) {
            faulted.push_back(&nexus);
        }
        if (nexus.copies) {
            nexus.copies->forget_all();
        }
    }
    return faulted;
}

void Lane::abort_one(Command& command, std::function<void()> drained) {
    ++abort_epoch_;
    const AbortScope scope = AbortScope::own_tasks(*command.life.unit);
    mark(command, scope);
    if (waits(command)) {
        drop(command);
        drained();
        return;
    }
    await_drained({.epoch = abort_epoch_, .of = scope, .one = &command, .drained = std::move(drained)});
}

void Lane::turn_away(NexusUnit& unit) {
    const scsi::Sense nobody = scsi::illegal_request(scsi::Asc::logical_unit_not_supported);
    base::IntrusiveList<Command, LaneTasks> ending;
    for (auto at = tasks_.begin(); at != tasks_.end();) {
        Command& task = *at++;
        if (task.life.unit == &unit && waits(task)) {
            static_cast<base::ListHook<Parked>&>(task).unlink();
            static_cast<base::ListHook<LaneTasks>&>(task).unlink();
            ending.push_back(task);
        }
    }
    ++abort_epoch_;
    cancel_visits(AbortScope::own_tasks(unit));
    while (!ending.empty()) {
        Command& task = ending.pop_front();
        const scsi::Outcome outcome =
            task.life.ending != nullptr ? task.life.ending->outcome : scsi::Outcome{nobody};
        conclude(task, outcome);
    }
}

void Lane::give_up(NexusUnit& unit) {
    turn_away(unit);
    // Not ILLEGAL REQUEST: a device had it.
    const scsi::Sense lost{.key = scsi::SenseKey::aborted_command,
                           .asc = scsi::Asc::logical_unit_not_supported};
    std::vector<Command*> held;
    for (Command& task : tasks_) {
        if (task.life.unit == &unit && only_reads(task) && !task.life.answered) {
            held.push_back(&task);
        }
    }
    for (Command* const task : held) {
        if (!task->life.aborted.load(std::memory_order_relaxed) || task->life.told_when_aborted) {
            answer_before_end(*task, lost);
        }
        mark(*task, AbortScope::own_tasks(unit));
    }
}

bool Lane::may_act(const NexusUnit& unit) {
    return std::ranges::any_of(tasks_,
                               [&](const Command& task) {
                                   return task.life.unit == &unit && may_touch_medium(task) &&
                                          task.life.stage != Stage::copying;
                               }) ||
           std::ranges::any_of(visits_, [&](const Visit& visit) {
               return &visit.unit() == &unit && visit.is_inside() && !visit.is_aside();
           });
}

void Lane::await_drained(Drain drain) {
    if (!drain.drained) {
        return;
    }
    if (!draining(drain)) {
        drain.drained();
        return;
    }
    drains_.push_back(std::move(drain));
}

}  // namespace targe::engine
