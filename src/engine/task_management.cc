// Safe task management: the answer waits until no affected task can touch the medium any more.
#include "engine/task_management.h"

#include "base/arena.h"
#include "base/core.h"
#include "engine/aca.h"
#include "engine/background.h"
#include "engine/cache.h"
#include "engine/every_lane.h"
#include "engine/exceptions.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/run_on.h"
#include "engine/self_test.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

namespace targe::engine {

using detail::Stage;

namespace {

device::ServerEvent event_of(TaskFunction function) {
    switch (function) {
        case TaskFunction::abort_task:
        case TaskFunction::clear_aca:
            return device::ServerEvent::abort_task;
        case TaskFunction::abort_task_set:
        case TaskFunction::i_t_nexus_reset:
            return device::ServerEvent::abort_task_set;
        case TaskFunction::clear_task_set:
            return device::ServerEvent::clear_task_set;
        default:
            return device::ServerEvent::logical_unit_reset;
    }
}

/// A function under way. Outlives its request when the deadline passes first: each unit that is not done
/// stays quarantined, on every core, until its device has let go of the tasks.
class Managed final : public base::Timer, public std::enable_shared_from_this<Managed> {
public:
    Managed(Nexus& nexus, TaskManagement& request)
        : core_(nexus.core()),
          nexus_(&nexus),
          request_(&request),
          event_(event_of(request.function)),
          requester_(nexus.id()) {
        core_.arm(*this, core_.now() + nexus.limits().task_management_deadline);
    }
    ~Managed() { core_.disarm(*this); }

    void affects(std::shared_ptr<LogicalUnit> unit) {
        tell_device(*unit, false);
        units_.push_back({.unit = std::move(unit)});
    }
    /// Nothing is left of this unit's tasks, and done() follows when its cache is empty, if that takes no
    /// longer than the function may.
    void empties_cache(const LogicalUnit& unit) {
        if (overdue_) {
            done(unit);
        } else {
            find(unit)->only_flushes = true;
        }
    }
    [[nodiscard]] base::Core& core() const { return core_; }

    void expired() override {
        overdue_ = true;
        // Kept and copied: whoever is refused may be the last task that this awaits.
        const auto alive = shared_from_this();
        std::erase_if(units_, [](const Affected& each) { return each.only_flushes; });
        if (units_.empty()) {
            answer(TaskResponse::function_complete);
            return;
        }
        const auto units = units_;
        for (const auto& [unit, flushes] : units) {
            quarantine(unit, true);
            run_on(core_, unit->home().core(), [unit] { unit->home().refuse_waiting(); });
        }
        answer(TaskResponse::function_rejected);
    }
    /// The nexus sees no unit.
    void nothing_affected() {
        core_.disarm(*this);
        answer(TaskResponse::function_complete);
    }
    /// No task of the function can touch this unit's medium any more.
    void done(const LogicalUnit& unit) {
        const auto at = find(unit);
        if (at == units_.end()) {
            return;  // its cache has taken longer than the function may
        }
        const auto kept = std::move(at->unit);
        units_.erase(at);
        tell_device(*kept, true);
        if (overdue_) {
            quarantine(kept, false);
        } else if (units_.empty()) {
            core_.disarm(*this);
            answer(TaskResponse::function_complete);
        }
    }

private:
    struct Affected {
        std::shared_ptr<LogicalUnit> unit;
        bool only_flushes = false;
    };

    [[nodiscard]] std::vector<Affected>::iterator find(const LogicalUnit& unit) {
        return std::ranges::find(units_, &unit, [](const Affected& each) { return each.unit.get(); });
    }
    void quarantine(const std::shared_ptr<LogicalUnit>& unit, bool begins) {
        for (base::Core* const core : unit->cores()) {
            run_on(core_, *core, [unit, core, begins] { unit->lane(*core).quarantine(begins); });
        }
    }
    void answer(TaskResponse response) {
        std::exchange(nexus_, nullptr)->answer(*std::exchange(request_, nullptr), response);
    }

    /// One that executes commands itself has state of its own that a reset ends.
    void tell_device(const LogicalUnit& unit, bool done) const {
        if (device::CommandServer* const server = unit.device().server()) {
            server->tell(event_, done, requester_.value);
        }
    }

    base::Core& core_;
    Nexus* nexus_;
    TaskManagement* request_;
    device::ServerEvent event_;
    NexusId requester_;
    bool overdue_ = false;
    std::vector<Affected> units_;  ///< not done
};

/// Logical unit reset, [SAM-5 r21]: every task of every nexus, reservation and changed parameter.
Background reset(std::shared_ptr<Managed> function, std::shared_ptr<LogicalUnit> unit, NexusId requester) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    UnitHome& home = unit->home();
    base::Core& here = function->core();
    if (&home.core() != &here) {
        co_await base::hop_to(home.core());
    }
    // Everybody is told of the reset itself, which says that tasks are gone.
    Change change{home};
    change.hurry();
    change.abort({.requester = requester, .tell_others = false, .clears_aca = true});
    co_await change.begin();
    UnitState& next = change.state();
    home.errors().release();
    next.reserved_by.reset();
    next.removal_prevention.clear();
    const bool cached = next.pages.write_cache_enabled;
    next.pages = next.restored_pages();
    const bool turns_cache_off = cached && !next.pages.write_cache_enabled;
    exceptions_selected(change, unit);
    next.log = next.saved_log;
    end_self_test(next);
    next.priorities = std::make_shared<const scsi::NexusPriorities>();
    change.raise({scsi::Asc::bus_device_reset_function_occurred});
    co_await change.commit();
    if (&home.core() != &here) {
        co_await base::hop_to(here);
    }
    if (turns_cache_off) {
        // Behind the change, not within: a store that does not answer must not keep the lanes closed.
        function->empties_cache(*unit);
        co_await empty_cache(arena, *unit, here);
    }
    function->done(*unit);
}

/// Tasks that the nexus still has of units that its LUN map has lost: they were ended then, and their device
/// may not have let go of them yet.
void await_leaving(Nexus& nexus, const std::shared_ptr<Managed>& function) {
    std::vector<NexusUnit*> leaving;
    for (const auto& unit : nexus.leaving()) {
        function->affects(unit->unit);
        leaving.push_back(unit.get());
    }
    for (NexusUnit* const unit : leaving) {
        unit->lane.abort(AbortScope::own_tasks(*unit),
                         [function, unit = unit->unit] { function->done(*unit); });
    }
}

void reset_unit(Nexus& nexus, TaskManagement& request, const std::shared_ptr<LogicalUnit>& unit) {
    const auto function = std::make_shared<Managed>(nexus, request);
    function->affects(unit);
    reset(function, unit, nexus.id());
}

/// Every unit that the nexus sees.
void reset_target(Nexus& nexus, TaskManagement& request) {
    std::vector<std::shared_ptr<LogicalUnit>> units;
    nexus.units().for_each([&](const NexusUnit& unit) {
        if (unit.admission != device::Admission::refused) {
            units.push_back(unit.unit);
        }
    });
    const auto function = std::make_shared<Managed>(nexus, request);
    if (units.empty() && nexus.leaving().empty()) {
        function->nothing_affected();
        return;
    }
    // One of these may be done at once: the function is not, as long as there are others.
    for (const auto& unit : units) {
        function->affects(unit);
    }
    await_leaving(nexus, function);
    const NexusId requester = nexus.id();
    for (const auto& unit : units) {
        reset(function, unit, requester);
    }
}

void abort_task(Nexus& nexus, TaskManagement& request, NexusUnit& unit) {
    Command* const task = nexus.find(request.referenced);
    // Of the same unit, that is, though it may have left the LUN map and come back since the task came.
    if (task == nullptr || task->life.unit == nullptr || task->life.unit->unit != unit.unit) {
        nexus.answer(request, TaskResponse::task_does_not_exist);
        return;
    }
    if (task->life.stage == Stage::responding || task->life.stage == Stage::dropped) {
        nexus.answer(request, TaskResponse::function_complete);  // it ended before, which is as good
        return;
    }
    const auto function = std::make_shared<Managed>(nexus, request);
    function->affects(unit.unit);
    unit.lane.abort_one(*task, [function, unit = unit.unit.get()] { function->done(*unit); });
}

void abort_task_set(Nexus& nexus, TaskManagement& request, NexusUnit& unit) {
    const auto function = std::make_shared<Managed>(nexus, request);
    function->affects(unit.unit);
    unit.lane.abort(AbortScope::own_tasks(unit),
                    [function, unit = unit.unit.get()] { function->done(*unit); });
}

/// Every task of the set, whoever sent it; a nexus's own set is what ABORT TASK SET ends, [SAM-5 r21 7.5].
void clear_task_set(Nexus& nexus, TaskManagement& request, NexusUnit& unit) {
    if (!unit.task_set.shared) {
        abort_task_set(nexus, request, unit);
        return;
    }
    const auto function = std::make_shared<Managed>(nexus, request);
    function->affects(unit.unit);
    on_every_lane(
        unit.lane,
        [scope = AbortScope{.requester = nexus.id()}](Lane& lane, std::function<void()> answered) {
            lane.abort(scope, std::move(answered));
        },
        [function, unit = unit.unit.get()] { function->done(*unit); });
}

/// Ends the ACA task, and then the condition, [SAM-5 r21 7.4]. Only for the nexus that established it.
void clear_aca(Nexus& nexus, TaskManagement& request, NexusUnit& unit) {
    if (!unit.faulted) {
        nexus.answer(request, unit.task_set.aca_conditions > 0 ? TaskResponse::function_rejected
                                                               : TaskResponse::function_complete);
        return;
    }
    const auto function = std::make_shared<Managed>(nexus, request);
    function->affects(unit.unit);
    const auto clear = [function, &unit] {
        engine::clear_aca(unit, [function, unit = unit.unit.get()] { function->done(*unit); });
    };
    if (Command* const task = unit.lane.aca_task(unit)) {
        unit.lane.abort_one(*task, clear);
    } else {
        clear();
    }
}

/// The nexus loses its tasks and what it holds of each unit, and is told so, [SAM-5 r21 7.6].
void reset_nexus(Nexus& nexus, TaskManagement& request) {
    const auto function = std::make_shared<Managed>(nexus, request);
    std::vector<NexusUnit*> units;
    nexus.units().for_each([&](NexusUnit& unit) { units.push_back(&unit); });
    for (const NexusUnit* const unit : units) {
        function->affects(unit->unit);
    }
    if (units.empty() && nexus.leaving().empty()) {
        function->nothing_affected();
        return;
    }
    await_leaving(nexus, function);
    for (NexusUnit* const unit : units) {
        unit->lane.abort({.only = {nexus.id()}, .requester = nexus.id(), .clears_aca = true},
                         [function, core = &nexus.core(), unit = unit->unit, id = nexus.id()] {
                             forget_nexus(*core, unit, id, [function, unit] { function->done(*unit); });
                         });
        unit->attentions.raise_first(scsi::Asc::i_t_nexus_loss_occurred);
    }
}

void query_task(Nexus& nexus, TaskManagement& request, const NexusUnit& unit) {
    const Command* const task = nexus.find(request.referenced);
    const bool there = task != nullptr && task->life.unit == &unit && task->life.stage != Stage::responding &&
                       task->life.stage != Stage::dropped;
    nexus.answer(request, there ? TaskResponse::function_succeeded : TaskResponse::function_complete);
}

void query_task_set(Nexus& nexus, TaskManagement& request, const NexusUnit& unit) {
    nexus.answer(request, unit.lane.has_tasks(unit) ? TaskResponse::function_succeeded
                                                    : TaskResponse::function_complete);
}

/// Whether a unit attention waits, [SAM-5 r21 7.9].
void query_asynchronous_event(Nexus& nexus, TaskManagement& request, const NexusUnit& unit) {
    const bool waits = unit.attentions.peek(nexus.inventory()).has_value();
    nexus.answer(request, waits ? TaskResponse::function_succeeded : TaskResponse::function_complete);
}

}  // namespace

void Nexus::manage(TaskManagement& request) {
    ++managing_;
    if (request.function == TaskFunction::target_warm_reset ||
        request.function == TaskFunction::target_cold_reset) {
        return reset_target(*this, request);
    }
    if (request.function == TaskFunction::i_t_nexus_reset) {
        return reset_nexus(*this, request);
    }
    NexusUnit* const unit = locate(request.lun);
    if (unit == nullptr) {
        answer(request, TaskResponse::lun_does_not_exist);
        return;
    }
    switch (request.function) {
        case TaskFunction::abort_task:
            return abort_task(*this, request, *unit);
        case TaskFunction::abort_task_set:
            return abort_task_set(*this, request, *unit);
        case TaskFunction::clear_task_set:
            return clear_task_set(*this, request, *unit);
        case TaskFunction::clear_aca:
            return clear_aca(*this, request, *unit);
        case TaskFunction::query_task:
            return query_task(*this, request, *unit);
        case TaskFunction::query_task_set:
            return query_task_set(*this, request, *unit);
        case TaskFunction::query_asynchronous_event:
            return query_asynchronous_event(*this, request, *unit);
        case TaskFunction::logical_unit_reset:
            return reset_unit(*this, request, unit->unit);
        case TaskFunction::target_warm_reset:
        case TaskFunction::target_cold_reset:
        case TaskFunction::i_t_nexus_reset:
            break;  // they concern no unit in particular
    }
    __builtin_unreachable();
}

}  // namespace targe::engine
