#include "engine/gates.h"

#include "engine/nexus.h"

namespace targe::engine {

namespace {

constexpr std::uint8_t bit(Gate gate) {
    return static_cast<std::uint8_t>(gate);
}

bool is_closed(std::uint8_t gates, Gate gate) {
    return (gates & bit(gate)) != 0;
}

}  // namespace

std::uint8_t gates_of(const NexusUnit& unit, const UnitState& state) {
    std::uint8_t gates = 0;
    if (state.reserved_by && *state.reserved_by != unit.nexus.id()) {
        gates |= bit(Gate::reserved);
    }
    return gates;
}

std::optional<scsi::Outcome> refused_at_gate(const Command& command, const UnitState& state) {
    const std::uint8_t gates = gates_of(*command.life.unit, state);
    const scsi::CommandRules& rules = command.life.info->rules;
    if (is_closed(gates, Gate::reserved) && !scsi::allowed(rules.under_reserve, command.cdb.bytes())) {
        return scsi::Status::reservation_conflict;
    }
    return std::nullopt;
}

}  // namespace targe::engine
