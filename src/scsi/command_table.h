// The one table of commands: dispatch, CDB validation, reservation, unit attention and access state rules,
// and REPORT SUPPORTED OPERATION CODES all come from it.
#pragma once

#include "scsi/cdb.h"
#include "scsi/command_id.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace targe::scsi {

enum class DataDirection : std::uint8_t { none, to_initiator, from_initiator };

/// What decides which commands, and which of their options, a unit offers.
struct UnitTraits {
    bool thin = false;       ///< UNMAP is offered, and so is the UNMAP bit of both WRITE SAME
    bool anchors = false;    ///< thin, and ANCHOR of those commands is offered
    bool removable = false;  ///< the medium can be ejected and loaded
    bool atomic = false;     ///< WRITE ATOMIC is offered
    AccessSupport access = AccessSupport::symmetric;
    CommandSet set = CommandSet::block;
    bool operator==(const UnitTraits&) const = default;
};

[[nodiscard]] constexpr UnitTraits traits_of(const UnitDescription& unit) {
    return {.thin = unit.provisioning.managed && unit.provisioning.unmap,
            .anchors = unit.provisioning.managed && unit.provisioning.unmap && unit.provisioning.anchor,
            .removable = unit.removable,
            .atomic = unit.limits.max_atomic_transfer != 0,
            .access = unit.access,
            .set = command_set_of(unit.type)};
}

/// Which units offer a row of the table.
enum class Availability : std::uint8_t {
    always,
    thin,
    thick,
    anchoring,
    not_anchoring,  ///< thin as well
    removable,
    fixed,
    atomic,
    asymmetric,
    settable_access,
};

[[nodiscard]] constexpr bool offered(Availability available, const UnitTraits& unit) {
    switch (available) {
        case Availability::always:
            return true;
        case Availability::thin:
            return unit.thin;
        case Availability::thick:
            return !unit.thin;
        case Availability::anchoring:
            return unit.anchors;
        case Availability::not_anchoring:
            return unit.thin && !unit.anchors;
        case Availability::removable:
            return unit.removable;
        case Availability::fixed:
            return !unit.removable;
        case Availability::atomic:
            return unit.atomic;
        case Availability::asymmetric:
            return unit.access != AccessSupport::symmetric;
        case Availability::settable_access:
            return unit.access == AccessSupport::implicit_and_explicit;
    }
    return false;
}

/// Whether a reservation of another nexus lets a command through. Two commands depend on what they ask.
enum class ReservedAccess : std::uint8_t {
    conflicts,
    allowed,
    allowed_if_it_allows_removal,  ///< PREVENT ALLOW MEDIUM REMOVAL with PREVENT 0
    allowed_if_it_only_starts,     ///< START STOP UNIT with START 1 and POWER CONDITION 0
};

/// The least favourable asymmetric access state in which a command is still executed; offline is as
/// unavailable, [SPC-4 r37 5.15.2.4].
enum class LeastAccessState : std::uint8_t { active, standby, unavailable, transitioning };

/// What the stages before execution ask about a command.
struct CommandRules {
    /// Executed although a unit attention is pending, and answered where no logical unit is.
    bool skips_unit_attention = false;
    bool writes_medium = false;           ///< DATA PROTECT on a write-protected unit
    bool accesses_medium = false;         ///< NOT READY while the medium is ejected
    bool executed_at_home = false;        ///< changes state of the unit that all cores share
    bool executed_in_pieces = false;      ///< a copy: it goes into lanes for each piece of its work
    bool leaves_failed_sanitize = false;  ///< executed although a SANITIZE has failed
    ReservedAccess under_reserve = ReservedAccess::conflicts;
    /// Persistent reservations, for a nexus that is neither holder nor, where it counts, a registrant.
    ReservedAccess under_write_exclusive = ReservedAccess::conflicts;
    ReservedAccess under_exclusive_access = ReservedAccess::conflicts;
    /// While what should have outlived a loss of power is lost, [SPC-4 r37 5.13.5.3].
    ReservedAccess while_reservations_lost = ReservedAccess::conflicts;
    LeastAccessState least_access_state = LeastAccessState::active;
};

/// Command timeouts descriptor, [SPC-4 r37 6.35.4], in seconds.
struct CommandTimeouts {
    std::uint32_t nominal_s;
    std::uint32_t recommended_s;
};

/// What the length field of a CDB counts.
enum class LengthUnit : std::uint8_t { none, blocks, allocation_bytes, parameter_list_bytes };

/// All that the stack knows of a command before it is planned.
struct CommandInfo {
    CommandId id;
    std::uint8_t opcode;
    std::optional<std::uint8_t> service_action;
    std::string_view name;  ///< as in the standard: it appears in traces, metrics and the manual
    Availability available;
    DataDirection data;  ///< what the command can transfer; some options transfer nothing
    LengthUnit length_unit;
    wire::Field length;  ///< where length_unit is not `none`
    CommandRules rules;
    CommandTimeouts timeouts;
    /// CDB USAGE DATA: the bits that are looked at. As long as the CDB. The operation code and the service
    /// action are all ones here; REPORT SUPPORTED OPERATION CODES puts their values there.
    std::span<const std::byte> usage;

    [[nodiscard]] constexpr std::size_t cdb_length() const { return usage.size(); }
};

/// Every row of a command set, in the order of operation code, then service action. A command whose options
/// depend on the unit has a row for each kind of unit, of which a unit offers one.
[[nodiscard]] std::span<const CommandInfo> command_table(CommandSet set = CommandSet::block);

/// The service action of operation codes that have them, [SPC-4 r37 4.2.5.2].
inline constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);

[[nodiscard]] bool has_service_actions(std::uint8_t opcode, CommandSet set = CommandSet::block);

/// The row of a command that the unit offers, or nothing. Without `service_action`, one whose operation code
/// has none.
[[nodiscard]] const CommandInfo* offered_command(const UnitTraits& unit, std::uint8_t opcode,
                                                 std::optional<std::uint8_t> service_action);

/// Finds the command and checks that no bit is set that it does not define: INVALID COMMAND OPERATION CODE,
/// or INVALID FIELD IN CDB that points at the service action or at the first such bit. What comes after the
/// CDB's own length is not looked at. The result lives for ever. Of the block command set, whatever the
/// unit's: whoever asks knows which set it is, and so nothing is asked twice.
[[nodiscard]] std::expected<const CommandInfo*, Sense> find_command(const UnitTraits& unit, wire::Bytes cdb);
/// The same of the multimedia command set.
[[nodiscard]] std::expected<const CommandInfo*, Sense> find_multimedia_command(const UnitTraits& unit,
                                                                               wire::Bytes cdb);

/// The sense for the first bit set in `cdb` that `usage` does not have, if there is one.
[[nodiscard]] std::optional<Sense> reserved_bit_set(wire::Bytes cdb, wire::Bytes usage);

/// Whether `access` lets this CDB of `command` through.
[[nodiscard]] bool allowed(ReservedAccess access, wire::Bytes cdb);

/// ALLOCATION LENGTH; 0 for a command that has none.
[[nodiscard]] std::uint32_t allocation_length(const CommandInfo& command, wire::Bytes cdb);

/// PARAMETER LIST LENGTH; 0 for a command that has none. All the data-out that such a command wants.
[[nodiscard]] std::uint32_t parameter_list_length(const CommandInfo& command, wire::Bytes cdb);

}  // namespace targe::scsi
