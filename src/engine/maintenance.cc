// What a unit is labelled with, its clock, and the priorities of its nexuses.
#include "engine/at_home.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "scsi/identifying_information.h"
#include "scsi/priority.h"
#include "scsi/timestamp.h"

namespace targe::engine {

namespace {

wire::Bytes list_of(const Command& command) {
    return {command.life.out_segment.data, command.life.out_segment.size};
}

/// It must outlive the process, [SPC-4 r37]: without a store it could not be set.
scsi::Outcome set_identifying_information(const Command& command, Change& change) {
    using L = scsi::SetIdentifyingInformationCdb;
    UnitState& state = change.state();
    auto next = scsi::set_identifying_information(command.cdb.first<L::kSize>(), list_of(command),
                                                  state.identification);
    if (!next) {
        return next.error();
    }
    if (*next != state.identification ||
        command.life.unit->unit->home().doubts(Kept::identifying_information)) {
        change.keep = Keep{.what = Kept::identifying_information, .content = scsi::keep(*next)};
    }
    if (*next != state.identification) {
        change.raise({scsi::Asc::device_identifier_changed, command.life.unit->nexus.id()});
        state.identification = std::move(*next);
    }
    return scsi::Status::good;
}

scsi::Outcome set_timestamp(const Command& command, Change& change) {
    UnitState& state = change.state();
    const auto next =
        scsi::set_timestamp(list_of(command), command.life.nexus->core().unix_ms(), state.clock);
    if (!next) {
        return next.error();
    }
    if (*next != state.clock) {
        change.raise({scsi::Asc::timestamp_changed, command.life.unit->nexus.id()});
        state.clock = *next;
    }
    return scsi::Status::good;
}

scsi::Outcome set_priority(const Command& command, Change& change) {
    using Told = scsi::PrioritiesSet::Told;
    UnitState& state = change.state();
    const NexusUnit& unit = *command.life.unit;
    const auto next = scsi::set_priority(command.cdb.first<scsi::SetPriorityCdb::kSize>(), list_of(command),
                                         unit.nexus.it_nexus(), *state.priorities);
    if (!next) {
        return next.error();
    }
    if (next->told == Told::named) {
        change.raise({.condition = scsi::Asc::priority_changed,
                      .only = std::make_shared<const std::vector<scsi::ItNexus>>(1, next->named)});
    } else if (next->told == Told::every_other) {
        change.raise({scsi::Asc::priority_changed, unit.nexus.id()});
    }
    state.priorities = std::make_shared<const scsi::NexusPriorities>(next->priorities);
    return scsi::Status::good;
}

}  // namespace

Execution execute_set_identifying_information(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, set_identifying_information);
    co_return outcome;
}

Execution execute_set_priority(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, set_priority);
    co_return outcome;
}

Execution execute_set_timestamp(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, set_timestamp);
    co_return outcome;
}

}  // namespace targe::engine
