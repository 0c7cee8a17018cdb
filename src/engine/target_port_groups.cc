// REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS, and commands that wait while a path is in transition.
#include "scsi/target_port_groups.h"

#include "base/core.h"
#include "engine/background.h"
#include "engine/block_io.h"
#include "engine/device_group.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

/// A daemon that ends waits no longer than this for whoever watches a transition.
constexpr std::chrono::milliseconds kLook{50};

Background watch_transition(std::shared_ptr<LogicalUnit> unit, Lane& lane) {
    base::Core& core = lane.core();
    const base::Time until = core.now() + unit->settings().group->settings().transition_hold;
    while (core.now() < until && !unit->stopping() && lane.state().access->transitioning()) {
        co_await base::sleep_for(core, std::min<base::Duration>(kLook, until - core.now()));
    }
    lane.transition_watched();
}

}  // namespace

bool Lane::waits_for_transition(const scsi::Outcome& refusal) const {
    const auto* const sense = std::get_if<scsi::Sense>(&refusal);
    return transition_watches_ > 0 && sense != nullptr &&
           sense->asc == scsi::Asc::logical_unit_not_accessible_asymmetric_access_state_transition;
}

void Lane::watch(const UnitState& before) {
    const auto moves = [](const UnitState& state) { return state.access && state.access->transitioning(); };
    if (moves(*state_) && !moves(before)) {
        ++transition_watches_;
        watch_transition(unit_.shared_from_this(), *this);
    }
}

void Lane::transition_watched() {
    if (--transition_watches_ == 0 && open_) {
        unpark();
    }
}

Execution execute_set_target_port_groups(base::CommandArena& arena, Command& command) {
    base::Core& here = command.life.nexus->core();
    const std::shared_ptr<DeviceGroup> group = command.life.unit->unit->settings().group;
    const wire::Bytes list{command.life.out_segment.data, command.life.out_segment.size};
    const NexusId issuer = command.life.nexus->id();
    if (&group->home() != &here) {
        co_await base::hop_to(group->home());
    }
    scsi::Outcome outcome = scsi::Status::task_aborted;
    if (!was_aborted(command)) {
        outcome = co_await group->set_by_command(
            arena,
            [list](const scsi::AsymmetricAccess& access) {
                return scsi::set_target_port_groups(list, access);
            },
            issuer);
    }
    if (&group->home() != &here) {
        co_await base::hop_to(here);
    }
    co_return outcome;
}

}  // namespace targe::engine
