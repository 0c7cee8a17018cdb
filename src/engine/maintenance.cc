// What a unit is labelled with, and its clock.
#include "engine/at_home.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "scsi/identifying_information.h"
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
    if (*next != state.identification) {
        change.keep = Keep{.what = Kept::identifying_information, .content = scsi::keep(*next)};
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

}  // namespace

Execution execute_set_identifying_information(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, set_identifying_information);
    co_return outcome;
}

Execution execute_set_timestamp(base::CommandArena& arena, Command& command) {
    const scsi::Outcome outcome = co_await at_home(arena, command, set_timestamp);
    co_return outcome;
}

}  // namespace targe::engine
