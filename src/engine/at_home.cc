#include "engine/at_home.h"

#include "base/core.h"
#include "engine/block_io.h"
#include "engine/gates.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

namespace targe::engine {

namespace {

scsi::Outcome decide(const Command& command, Change& change, const Apply& apply) {
    if (was_aborted(command)) {
        return scsi::Status::task_aborted;
    }
    // Another nexus may have reserved the unit while this command was on its way.
    if (const auto refusal = refused_at_gate(command, change.state())) {
        return *refusal;
    }
    return apply(command, change);
}

base::Task<scsi::Outcome> change_lanes(base::CommandArena& arena, Command& command, const Apply& apply) {
    LogicalUnit& unit = *command.life.unit->unit;
    Change change{unit.home()};
    change.may_be_refused();
    co_await change.turn();
    if (change.refused()) {
        co_return scsi::Status::busy;
    }
    const scsi::Outcome outcome = decide(command, change, apply);
    if (outcome != scsi::Outcome{scsi::Status::good}) {
        change.abandon();
        co_return outcome;
    }
    void (*const in_doubt)(UnitState&) = change.keep ? change.keep->in_doubt : nullptr;
    if (!co_await keep(arena, unit, change)) {
        if (in_doubt == nullptr) {
            change.abandon();
        } else {
            in_doubt(change.state());
            co_await change.begin();
            co_await change.commit();
        }
        co_return scsi::Sense{.key = scsi::SenseKey::hardware_error,
                              .asc = scsi::Asc::internal_target_failure};
    }
    co_await change.begin();
    co_await change.commit();
    co_return outcome;
}

/// Before the change and after it, not within: a store that does not answer must not keep the lanes closed.
base::Task<scsi::Outcome> flush_around(base::CommandArena& arena, Command& command, const Apply& apply) {
    device::Device& disk = command.life.unit->unit->device();
    const device::IoResult before = co_await disk.flush(arena);
    if (!before) {
        co_return sense_from(before.error());
    }
    const scsi::Outcome outcome = co_await change_lanes(arena, command, apply);
    if (outcome != scsi::Outcome{scsi::Status::good}) {
        co_return outcome;
    }
    const device::IoResult after = co_await disk.flush(arena);  // what was written between
    if (!after) {
        co_return sense_from(after.error());
    }
    co_return outcome;
}

}  // namespace

base::Task<bool> keep(base::CommandArena& arena, LogicalUnit& unit, Change& change) {
    if (!change.keep) {
        co_return true;
    }
    UnitStore* const store = unit.settings().store.get();
    if (store == nullptr) {
        co_return !change.keep->needed;
    }
    const Kept what = change.keep->what;
    const bool durable = co_await store->keep(arena, what, std::move(change.keep->content));
    unit.home().tell_kept(what, durable);
    co_return durable || !change.keep->needed;
}

base::Task<scsi::Outcome> at_home(base::CommandArena& arena, Command& command, const Apply& apply,
                                  Flush flush) {
    base::Core& here = command.life.nexus->core();
    base::Core& home = command.life.unit->unit->home().core();
    if (&home != &here) {
        co_await base::hop_to(home);
    }
    scsi::Outcome outcome = scsi::Status::good;
    if (flush == Flush::yes) {
        outcome = co_await flush_around(arena, command, apply);
    } else {
        outcome = co_await change_lanes(arena, command, apply);
    }
    if (&home != &here) {
        co_await base::hop_to(here);
    }
    co_return outcome;
}

}  // namespace targe::engine
