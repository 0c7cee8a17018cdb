// How a row of the command table is written, and what rows have in common.
#pragma once

#include "scsi/command_table.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace targe::scsi::rows {

using enum CommandId;
using enum DataDirection;

// Which reservations let what through follows [SPC-4 r37 5.13.1], and for RESERVE and RELEASE [SPC-2 r20];
// what each asymmetric access state executes, [SPC-4 r37].
inline constexpr auto kConflicts = ReservedAccess::conflicts;
inline constexpr auto kAllowed = ReservedAccess::allowed;

/// Tells who and what is there, and disturbs nothing.
inline constexpr CommandRules kIdentify{.skips_unit_attention = true,
                                        .under_reserve = kAllowed,
                                        .under_write_exclusive = kAllowed,
                                        .under_exclusive_access = kAllowed,
                                        .while_reservations_lost = kAllowed,
                                        .least_access_state = LeastAccessState::transitioning};
/// Tells of the medium.
inline constexpr CommandRules kProbe{.accesses_medium = true,
                                     .under_reserve = kAllowed,
                                     .under_write_exclusive = kAllowed,
                                     .under_exclusive_access = kAllowed};
/// Beyond what [SPC-4 r37] demands: an initiator that finds a path in standby sizes the disk all the same.
inline constexpr CommandRules kCapacity = [] {
    CommandRules rules = kProbe;
    rules.least_access_state = LeastAccessState::transitioning;
    return rules;
}();
/// Tells what the unit can do.
inline constexpr CommandRules kReport{.under_write_exclusive = kAllowed};
inline constexpr CommandRules kModeSense{.under_write_exclusive = kAllowed,
                                         .least_access_state = LeastAccessState::standby};
inline constexpr CommandRules kModeSelect{.executed_at_home = true,
                                          .least_access_state = LeastAccessState::standby};
inline constexpr CommandRules kRead{.accesses_medium = true, .under_write_exclusive = kAllowed};
inline constexpr CommandRules kWrite{.writes_medium = true, .accesses_medium = true};
/// Writes nothing that was not written before, so write protection does not matter.
inline constexpr CommandRules kFlush{.accesses_medium = true};
/// Under persistent reservations RESERVE and RELEASE decide for themselves.
inline constexpr CommandRules kReserve{.executed_at_home = true,
                                       .under_reserve = kConflicts,
                                       .under_write_exclusive = kAllowed,
                                       .under_exclusive_access = kAllowed};
/// A RELEASE by somebody else does nothing, successfully.
inline constexpr CommandRules kRelease{.executed_at_home = true,
                                       .under_reserve = kAllowed,
                                       .under_write_exclusive = kAllowed,
                                       .under_exclusive_access = kAllowed};

constexpr CommandRules home_unless_conflict(ReservedAccess access) {
    return {.executed_at_home = true,
            .under_reserve = access,
            .under_write_exclusive = access,
            .under_exclusive_access = access};
}
inline constexpr CommandRules kStartStop = [] {
    CommandRules rules = home_unless_conflict(ReservedAccess::allowed_if_it_only_starts);
    rules.while_reservations_lost = ReservedAccess::allowed_if_it_only_starts;
    return rules;
}();
inline constexpr CommandRules kPrevent = home_unless_conflict(ReservedAccess::allowed_if_it_allows_removal);

inline constexpr CommandTimeouts kQuick{.nominal_s = 1, .recommended_s = 10};
inline constexpr CommandTimeouts kOrdinary{.nominal_s = 5, .recommended_s = 60};
/// As long as the range is.
inline constexpr CommandTimeouts kLong{.nominal_s = 60, .recommended_s = 3600};

struct Length {
    LengthUnit unit = LengthUnit::none;
    wire::Field field{};
};

template <class L>
consteval Length length_of() {
    if constexpr (requires { L::kBlocks; }) {
        return {LengthUnit::blocks, L::kBlocks};
    } else if constexpr (requires { L::kAllocationLength; }) {
        return {LengthUnit::allocation_bytes, L::kAllocationLength};
    } else if constexpr (requires { L::kParameterListLength; }) {
        return {LengthUnit::parameter_list_bytes, L::kParameterListLength};
    } else {
        return {};
    }
}

/// The bits that a layout names, and NACA: every CDB ends in its CONTROL byte, [SAM-5 r21 5.2].
template <const auto& Usage>
inline constexpr auto kWithNaca = [] {
    auto usage = Usage;
    usage.back() |= std::byte{kNaca};
    return usage;
}();

/// A row whose usage depends on the unit.
template <class L, const auto& Usage>
consteval CommandInfo row(std::uint8_t opcode, CommandId id, std::string_view name, DataDirection data,
                          const CommandRules& rules, const CommandTimeouts& timeouts,
                          Availability available) {
    constexpr Length kLength = length_of<L>();
    return {.id = id,
            .opcode = opcode,
            .service_action = {},
            .name = name,
            .available = available,
            .data = data,
            .length_unit = kLength.unit,
            .length = kLength.field,
            .rules = rules,
            .timeouts = timeouts,
            .usage = kWithNaca<Usage>};
}
template <class L>
consteval CommandInfo row(std::uint8_t opcode, CommandId id, std::string_view name, DataDirection data,
                          const CommandRules& rules, const CommandTimeouts& timeouts,
                          Availability available = Availability::always) {
    return row<L, L::kUsage>(opcode, id, name, data, rules, timeouts, available);
}
consteval CommandInfo action(std::uint8_t service_action, CommandInfo info) {
    info.service_action = service_action;
    return info;
}

}  // namespace targe::scsi::rows
