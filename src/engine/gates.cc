#include "engine/gates.h"

#include "engine/erasure.h"
#include "engine/nexus.h"
#include "engine/self_test.h"

namespace targe::engine {

namespace {

constexpr std::uint8_t bit(Gate gate) {
    return static_cast<std::uint8_t>(gate);
}

bool is_closed(std::uint8_t gates, Gate gate) {
    return (gates & bit(gate)) != 0;
}

scsi::AccessState access_of(const Nexus& nexus, const UnitState& state) {
    return state.access_through(nexus.port_description().relative_target_port);
}

}  // namespace

std::uint8_t gates_of(const NexusUnit& unit, const UnitState& state) {
    std::uint8_t gates = 0;
    if (scsi::refused_in(access_of(unit.nexus, state), scsi::LeastAccessState::active)) {
        gates |= bit(Gate::access_state);
    }
    if (state.reserved_by && *state.reserved_by != unit.nexus.id()) {
        gates |= bit(Gate::reserved);
    }
    switch (state.persistent->restriction(unit.nexus.it_nexus())) {
        case scsi::Restriction::none:
            break;
        case scsi::Restriction::writing:
            gates |= bit(Gate::write_exclusive);
            break;
        case scsi::Restriction::access:
            gates |= bit(Gate::exclusive_access);
            break;
    }
    if (state.work != MediumWork::none || (state.description.blocks == 0 && state.is_disk)) {
        gates |= bit(Gate::medium_work);
    }
    if (state.persistent->lost) {
        gates |= bit(Gate::reservations_lost);
    }
    if (state.self_test && state.self_test->foreground) {
        gates |= bit(Gate::self_test);
    }
    if (state.tokens) {
        gates |= bit(Gate::tokens);
    }
    return gates;
}

void look_at(const UnitState& state, NexusUnit& unit) {
    unit.gates = gates_of(unit, state);
    const std::uint8_t given = state.priorities->of(unit.nexus.it_nexus());
    unit.priority = given != 0 ? given : state.pages.initial_command_priority;
}

std::optional<scsi::Outcome> refused_at_gate(const NexusUnit& unit, const UnitState& state,
                                             const scsi::CommandInfo& info, wire::Bytes cdb) {
    const std::uint8_t gates = gates_of(unit, state);
    const scsi::CommandRules& rules = info.rules;
    const auto refuses = [&](Gate gate, scsi::ReservedAccess access) {
        return is_closed(gates, gate) && !scsi::allowed(access, cdb);
    };
    if (is_closed(gates, Gate::access_state)) {
        if (const auto refusal = scsi::refused_in(access_of(unit.nexus, state), rules.least_access_state)) {
            return *refusal;
        }
    }
    if (refuses(Gate::reserved, rules.under_reserve) ||
        refuses(Gate::write_exclusive, rules.under_write_exclusive) ||
        refuses(Gate::exclusive_access, rules.under_exclusive_access)) {
        return scsi::Status::reservation_conflict;
    }
    if (refuses(Gate::reservations_lost, rules.while_reservations_lost)) {
        return scsi::Sense{.key = scsi::SenseKey::data_protect,
                           .asc = scsi::Asc::persistent_reservation_information_lost};
    }
    const bool passes_work =
        rules.skips_unit_attention ||
        (rules.leaves_failed_sanitize && state.work == MediumWork::sanitize_failed) ||
        (info.id == scsi::CommandId::format_unit && state.work == MediumWork::format_failed);
    if (is_closed(gates, Gate::medium_work) && !passes_work) {
        return *medium_not_ready(state);
    }
    if (is_closed(gates, Gate::self_test) && !rules.skips_unit_attention) {
        return *self_test_in_progress(state);
    }
    return std::nullopt;
}

std::optional<scsi::Outcome> refused_at_gate(const Command& command, const UnitState& state) {
    return refused_at_gate(*command.life.unit, state, *command.life.info, command.cdb.bytes());
}

}  // namespace targe::engine
