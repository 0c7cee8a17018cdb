// LOG SENSE and LOG SELECT: the counters of every core together.
#include "base/core.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"
#include "scsi/log_pages.h"
#include "scsi/thresholds.h"

#include <algorithm>
#include <expected>
#include <optional>

namespace targe::engine {

namespace {

/// Goes over all cores and back to the command's own.
base::Task<Counters> statistics(base::CommandArena& /*arena*/, Command& command) {
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& here = command.life.nexus->core();
    Counters sum;
    for (base::Core* const core : unit.cores()) {
        if (core != &here) {
            co_await base::hop_to(*core);
            sum += unit.lane(*core).statistics();
        }
    }
    if (unit.cores().size() > 1) {
        co_await base::hop_to(here);
    }
    sum += unit.lane(here).statistics();
    co_return sum;
}

base::Task<void> reset_statistics(base::CommandArena& /*arena*/, Command& command) {
    LogicalUnit& unit = *command.life.unit->unit;
    base::Core& here = command.life.nexus->core();
    const Raise told{.condition = scsi::Asc::log_parameters_changed, .except = command.life.nexus->id()};
    for (base::Core* const core : unit.cores()) {
        co_await base::hop_to(*core);
        unit.lane(*core).reset_statistics();
        unit.lane(*core).raise(told);
    }
    co_await base::hop_to(here);
}

bool counts_resources(const Command& command) {
    return command.life.unit->lane.state().description.provisioning.threshold_exponent != 0;
}

using Resources = std::expected<std::optional<scsi::LbaResources>, device::IoFailure>;

/// Looked at only for the page that tells of them.
base::Task<Resources> resources_of(base::CommandArena& arena, Command& command) {
    using L = scsi::LogSenseCdb;
    if (!counts_resources(command)) {
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

}  // namespace

Execution execute_log_sense(base::CommandArena& arena, Command& command) {
    constexpr std::size_t kLongest = 1024;
    const std::size_t wanted = scsi::allocation_length(*command.life.info, command.cdb.bytes());
    const auto room = parameter_room(command, std::min(wanted, kLongest));
    if (!room) {
        co_return no_room(command);
    }
    const Resources resources = co_await resources_of(arena, command);
    if (!resources) {
        co_return sense_from(resources.error());
    }
    const Counters counted = co_await statistics(arena, command);
    const UnitState& state = command.life.unit->lane.state();
    const std::uint64_t block = state.description.block_size;
    scsi::ParameterWriter out{*room};
    const auto refusal = scsi::log_sense(command.cdb.first<scsi::LogSenseCdb::kSize>(),
                                         {.reads = counted.reads,
                                          .writes = counted.writes,
                                          .received_blocks = counted.written_bytes / block,
                                          .transmitted_blocks = counted.read_bytes / block,
                                          .self_tests = state.self_tests,
                                          .resources = *resources,
                                          .powered_on_ms = state.powered_on_ms},
                                         out);
    if (refusal) {
        co_return *refusal;
    }
    send_parameters(command, out.written());
    co_return scsi::Status::good;
}

Execution execute_log_select(base::CommandArena& arena, Command& command) {
    const auto resets =
        scsi::log_select(command.cdb.first<scsi::LogSelectCdb::kSize>(), counts_resources(command));
    if (!resets) {
        co_return resets.error();
    }
    if (*resets) {
        co_await reset_statistics(arena, command);
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
