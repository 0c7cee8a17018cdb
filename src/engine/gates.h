// What the state of a unit holds against a nexus: reservations of others, and whatever else keeps some
// commands out for as long as the state lasts.
#pragma once

#include "engine/command.h"
#include "engine/nexus_unit.h"
#include "engine/unit_state.h"
#include "scsi/sense.h"

#include <cstdint>
#include <optional>

namespace targe::engine {

/// Bits of NexusUnit::gates.
enum class Gate : std::uint8_t {
    access_state = 1U << 5U,       ///< its port does not lead to the unit now, [SPC-4 r37 5.15]
    reserved = 1U << 0U,           ///< RESERVE of another nexus, [SPC-2 r20]
    write_exclusive = 1U << 1U,    ///< a persistent reservation that lets this nexus read only
    exclusive_access = 1U << 2U,   ///< one that lets it do neither, [SPC-4 r37 5.13.1]
    medium_work = 1U << 4U,        ///< as MediumWork says
    self_test = 1U << 6U,          ///< one in the foreground is under way
    tokens = 1U << 7U,             ///< writes are looked at, but refused by nothing: rod_tokens.h
    reservations_lost = 1U << 3U,  ///< it is not known who may do what, [SPC-4 r37 5.13.5.3]
};

/// Computed whenever the lane gets a state, so that an ordinary command looks at one byte.
[[nodiscard]] std::uint8_t gates_of(const NexusUnit& unit, const UnitState& state);

/// What `unit` has to know of its lane's new state: its gates, and the priority of its commands.
void look_at(const UnitState& state, NexusUnit& unit);

/// Why `state` does not let in what the nexus asks for with a command of this kind.
[[nodiscard]] std::optional<scsi::Outcome> refused_at_gate(const NexusUnit& unit, const UnitState& state,
                                                           const scsi::CommandInfo& info, wire::Bytes cdb);

/// Why `state` does not let the command in, whatever gates were computed before; in the order in which
/// initiators expect to be told.
[[nodiscard]] std::optional<scsi::Outcome> refused_at_gate(const Command& command, const UnitState& state);

}  // namespace targe::engine
