// LOG SENSE and LOG SELECT: what every core has counted together, and what initiators write into the log.
#include "base/core.h"
#include "engine/at_home.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"
#include "scsi/log_pages.h"
#include "scsi/log_select.h"
#include "scsi/thresholds.h"

#include <algorithm>
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace targe::engine {

namespace {

struct Statistics {
    scsi::AccessStatistics accesses;
    base::Duration idle = base::Duration::max();
};

void look(const Lane& lane, std::uint8_t group, Statistics& sum) {
    sum.accesses += lane.statistics(group);
    sum.idle = std::min(sum.idle, lane.idle());
}

/// Goes over all cores and back to the command's own. The unit was idle no longer than any of its lanes.
base::Task<Statistics> statistics(base::CommandArena& /*arena*/, Command& command, std::uint8_t group) {
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& here = command.life.nexus->core();
    Statistics sum;
    for (base::Core* const core : unit.cores()) {
        if (core != &here) {
            co_await base::hop_to(*core);
            look(unit.lane(*core), group, sum);
        }
    }
    if (unit.cores().size() > 1) {
        co_await base::hop_to(here);
    }
    look(unit.lane(here), group, sum);
    co_return sum;
}

base::Task<void> reset_statistics(base::CommandArena& /*arena*/, Command& command, std::uint32_t groups) {
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& here = command.life.nexus->core();
    for (base::Core* const core : unit.cores()) {
        co_await base::hop_to(*core);
        unit.lane(*core).reset_statistics(groups);
    }
    co_await base::hop_to(here);
}

bool counts_resources(const UnitState& state) {
    return state.description.provisioning.threshold_exponent != 0;
}

using Resources = std::expected<std::optional<scsi::LbaResources>, device::IoFailure>;

/// Looked at only for the page that tells of them.
base::Task<Resources> resources_of(base::CommandArena& arena, Command& command) {
    using L = scsi::LogSenseCdb;
    if (!counts_resources(command.life.unit->lane.state())) {
        co_return std::optional<scsi::LbaResources>{};
    }
    if (wire::get<L::kPageCode>(command.cdb.first<L::kSize>()) != scsi::kProvisioningLogPage) {
        co_return std::optional{scsi::LbaResources{}};
    }
    const auto fill = co_await command.life.unit->unit->device().fill(arena);
    if (!fill) {
        co_return std::unexpected{fill.error()};
    }
    co_return std::optional{
        scsi::lba_resources({.available = fill->available_bytes, .used = fill->used_bytes}, fill->shared,
                            command.life.unit->lane.state().description)};
}

scsi::LogValues values_of(const UnitState& state, const Statistics& counted) {
    const auto idle = std::chrono::duration_cast<std::chrono::microseconds>(counted.idle);
    return {.statistics = counted.accesses,
            .block_size = state.description.block_size,
            .idle_us = static_cast<std::uint64_t>(std::max<std::int64_t>(idle.count(), 0)),
            .parameters = *state.log,
            .can_save = state.keeps,
            .load_unload_cycles =
                state.description.removable ? std::optional{state.load_unload_cycles} : std::nullopt,
            .exception = state.logged_exception.value_or(scsi::Asc::no_additional_sense_information),
            .self_tests = state.self_tests,
            .powered_on_ms = state.powered_on_ms};
}

void keep_log(Change& change) {
    change.keep = Keep{.what = Kept::log_parameters, .content = scsi::keep(change.state().kept_log())};
}

/// LOG SENSE with SP, [SPC-4 r37 6.8]: whatever the page, all that can be saved.
scsi::Outcome save_log(const Command& /*command*/, Change& change) {
    UnitState& state = change.state();
    if (*state.saved_log != *state.log) {
        state.saved_log = state.log;
        keep_log(change);
    }
    return scsi::Status::good;
}

bool saves(const Command& command) {
    return scsi::field_value(command.cdb.bytes(), scsi::LogSenseCdb::kSaveParameters) != 0;
}

/// `selected` is for whoever resets what the lanes have counted.
scsi::Outcome select(const Command& command, Change& change, scsi::LogSelected& selected) {
    UnitState& state = change.state();
    auto next = scsi::log_select(command.cdb.first<scsi::LogSelectCdb::kSize>(),
                                 {command.life.out_segment.data, command.life.out_segment.size},
                                 {.current = *state.log,
                                  .saved = *state.saved_log,
                                  .can_save = state.keeps,
                                  .counts_resources = counts_resources(state)});
    if (!next) {
        return next.error();
    }
    const bool changed = next->current != *state.log || next->resets_groups != 0 ||
                         (next->resets_self_tests && !state.self_tests.empty()) ||
                         (next->resets_exceptions && state.logged_exception);
    if (changed) {
        change.raise({scsi::Asc::log_parameters_changed, command.life.unit->nexus.id()});
    }
    if (next->resets_self_tests) {
        state.self_tests.clear();
    }
    if (next->resets_exceptions) {
        state.logged_exception.reset();
    }
    state.log = std::make_shared<const scsi::LogParameters>(next->current);
    if (next->saved && *next->saved != *state.saved_log) {
        state.saved_log = std::make_shared<const scsi::LogParameters>(*next->saved);
        keep_log(change);
    }
    selected = std::move(*next);
    return scsi::Status::good;
}

}  // namespace

Execution execute_log_sense(base::CommandArena& arena, Command& command) {
    constexpr std::size_t kLongest = 20'000;  // the Application Client page takes the most
    const std::size_t wanted = scsi::allocation_length(*command.life.info, command.cdb.bytes());
    const auto room = parameter_room(command, std::min(wanted, kLongest));
    if (!room) {
        co_return no_room(command);
    }
    const auto cdb = command.cdb.first<scsi::LogSenseCdb::kSize>();
    const Resources resources = co_await resources_of(arena, command);
    if (!resources) {
        co_return sense_from(resources.error());
    }
    const Statistics counted = co_await statistics(arena, command, scsi::group_asked_for(cdb));
    scsi::ParameterWriter out{*room};
    scsi::LogValues values = values_of(command.life.unit->lane.state(), counted);
    values.resources = *resources;
    const std::vector<device::LogPage> filled = command.life.unit->unit->device().log_pages();
    std::vector<scsi::DeviceLogPage> device_pages;
    for (const device::LogPage& page : filled) {
        device_pages.push_back({.code = page.code, .parameters = page.parameters});
    }
    values.device_pages = device_pages;
    const auto refusal = scsi::log_sense(cdb, values, out);
    if (refusal) {
        co_return *refusal;
    }
    if (saves(command)) {
        const scsi::Outcome saved = co_await at_home(arena, command, save_log);
        if (saved != scsi::Outcome{scsi::Status::good}) {
            co_return saved;
        }
    }
    send_parameters(command, out.written());
    co_return scsi::Status::good;
}

Execution execute_log_select(base::CommandArena& arena, Command& command) {
    scsi::LogSelected selected;
    const Apply apply = [&selected](const Command& asking, Change& change) {
        return select(asking, change, selected);
    };
    const scsi::Outcome outcome = co_await at_home(arena, command, apply);
    if (outcome != scsi::Outcome{scsi::Status::good}) {
        co_return outcome;
    }
    if (selected.resets_groups != 0) {
        co_await reset_statistics(arena, command, selected.resets_groups);
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
