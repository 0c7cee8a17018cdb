// Commands that change what all cores share of a unit: RESERVE, RELEASE, MODE SELECT, START STOP UNIT,
// PREVENT ALLOW MEDIUM REMOVAL. Each is one change at the unit's home.
#include "engine/at_home.h"
#include "engine/exceptions.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/self_test.h"
#include "scsi/mode_pages.h"
#include "scsi/parameter_requests.h"
#include "scsi/start_stop_unit.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace targe::engine {

namespace {

NexusId nexus_of(const Command& command) {
    return command.life.unit->nexus.id();
}

const scsi::ItNexus& it_nexus_of(const Command& command) {
    return command.life.unit->nexus.it_nexus();
}

/// Registrations and reservations of SPC-2 exclude each other, [SPC-2 r20], but for those whom a persistent
/// reservation serves as well, [SPC-4 r37 5.13.3].
std::optional<scsi::Outcome> beside_registrations(const Command& command, const UnitState& state) {
    if (state.persistent->registrants.empty()) {
        return std::nullopt;
    }
    return state.persistent->lets_reserve(it_nexus_of(command)) ? scsi::Status::good
                                                                : scsi::Status::reservation_conflict;
}

scsi::Outcome reserve(const Command& command, Change& change) {
    if (const auto outcome = beside_registrations(command, change.state())) {
        return *outcome;
    }
    change.state().reserved_by = nexus_of(command);
    return scsi::Status::good;
}

scsi::Outcome release(const Command& command, Change& change) {
    if (const auto outcome = beside_registrations(command, change.state())) {
        return *outcome;
    }
    if (change.state().reserved_by == nexus_of(command)) {
        change.state().reserved_by.reset();
    }
    return scsi::Status::good;
}

/// Whom SET PRIORITY has given a priority of their own.
ItNexuses given_priorities(const UnitState& state) {
    auto nexuses = std::make_shared<std::vector<scsi::ItNexus>>();
    for (const scsi::NexusPriority& given : state.priorities->all()) {
        nexuses->push_back(given.nexus);
    }
    return nexuses;
}

/// With SP all pages that can be saved are saved, [SPC-4 r37 6.11]: what is current after the command.
scsi::Outcome mode_select(const Command& command, Change& change) {
    UnitState& state = change.state();
    scsi::ModeSelectRequest request = scsi::mode_select_request(command.life.info->id, command.cdb.bytes());
    request.can_save = state.keeps;
    const auto selected = scsi::mode_select(request, state.description, state.pages,
                                            {command.life.out_segment.data, command.life.out_segment.size});
    if (!selected) {
        return selected.error();
    }
    if (selected->pages.initial_command_priority != state.pages.initial_command_priority) {
        change.raise({.condition = scsi::Asc::priority_changed, .spared = given_priorities(state)});
    }
    const bool same_exceptions = selected->pages.same_exceptions(state.pages);
    state.pages = selected->pages;
    const bool doubted = command.life.unit->unit->home().doubts(Kept::mode_pages);
    if (request.save_pages && (doubted || state.saved_pages != state.pages.to_save())) {
        state.saved_pages = state.pages.to_save();
        change.keep =
            Keep{.what = Kept::mode_pages, .content = scsi::keep(*state.saved_pages, state.default_pages)};
    }
    if (selected->changed) {
        change.raise({scsi::Asc::mode_parameters_changed, nexus_of(command)});
    }
    if (!same_exceptions) {
        exceptions_selected(change, command.life.unit->unit);
    }
    return scsi::Status::good;
}

scsi::Outcome start(const Command& /*command*/, Change& change) {
    if (!change.state().medium_loaded) {
        return change.state().no_medium();
    }
    return scsi::Status::good;
}

scsi::Outcome stay(const Command& /*command*/, Change& /*change*/) {
    return scsi::Status::good;
}

scsi::Outcome eject(const Command& command, Change& change) {
    if (const auto refusal = change.state().removal_prevention.refusal(nexus_of(command))) {
        return *refusal;
    }
    UnitState& state = change.state();
    if (state.medium_loaded) {
        constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
        state.load_unload_cycles += state.load_unload_cycles < kMost ? 1 : 0;
        if (state.keeps) {
            change.keep =
                Keep{.what = Kept::log_parameters, .content = scsi::keep(state.kept_log()), .needed = false};
        }
    }
    if (state.medium_loaded) {
        state.medium_loaded = false;
        state.tray.changed(scsi::MediaEvent::media_removal);
    }
    state.tray.open = true;
    return scsi::Status::good;
}

/// A door that is locked keeps the medium out as well as in.
scsi::Outcome load(const Command& command, Change& change) {
    if (!change.state().medium_loaded) {
        if (const auto refusal = change.state().removal_prevention.refusal(nexus_of(command))) {
            return *refusal;
        }
        if (change.state().is_multimedia() && change.state().description.blocks == 0) {
            change.state().tray.open = false;  // there is nothing in it
            return scsi::Status::good;
        }
        change.state().medium_loaded = true;
        change.state().tray.changed(scsi::MediaEvent::new_media);
        change.raise({scsi::Asc::not_ready_to_ready_change_medium_may_have_changed, nexus_of(command)});
    }
    return scsi::Status::good;
}

scsi::Outcome prevent_or_allow(const Command& command, Change& change) {
    const auto removal = scsi::plan_prevent_allow_medium_removal(
        command.cdb.first<scsi::PreventAllowMediumRemovalCdb::kSize>(), change.state().traits.set);
    if (!removal) {
        return removal.error();
    }
    change.state().removal_prevention.set(nexus_of(command), *removal);
    return scsi::Status::good;
}

Apply apply_of(scsi::StartStop action) {
    switch (action) {
        case scsi::StartStop::change_power_condition:
        case scsi::StartStop::stop:
            return stay;  // there is nothing to spin down
        case scsi::StartStop::start:
            return start;
        case scsi::StartStop::eject:
            return eject;
        case scsi::StartStop::load:
            return load;
    }
    __builtin_unreachable();
}

}  // namespace

Execution execute_reserve(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, reserve);
    co_return outcome;
}

Execution execute_release(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, release);
    co_return outcome;
}

Execution execute_mode_select(base::CommandArena& arena, Command& command) {
    // Once WCE is cleared everything that was acknowledged is durable, what the cache held included.
    const bool cached = command.life.unit->lane.state().pages.write_cache_enabled;
    const scsi::Outcome outcome =
        co_await at_home(arena, command, mode_select, cached ? Flush::yes : Flush::no);
    co_return outcome;
}

Execution execute_start_stop_unit(base::CommandArena& arena, Command& command) {
    const scsi::StartStopUnit plan =
        scsi::plan_start_stop_unit(command.cdb.first<scsi::StartStopUnitCdb::kSize>());
    end_self_test(command.life.unit->lane.state());  // [SPC-4 r37 5.15.4.3]
    const scsi::Outcome outcome =
        co_await at_home(arena, command, apply_of(plan.action), plan.flush ? Flush::yes : Flush::no);
    co_return outcome;
}

Execution execute_prevent_allow(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, prevent_or_allow);
    co_return outcome;
}

}  // namespace targe::engine
