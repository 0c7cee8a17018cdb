// Rows of the command table: who may use the unit.
#pragma once

#include "scsi/command_rows.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/persistent_reserve_in.h"
#include "scsi/persistent_reserve_out.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace targe::scsi::rows {

/// Persistent reservations let these through, and they decide for themselves; RESERVE lets neither.
inline constexpr CommandRules kReserveIn{.under_write_exclusive = kAllowed,
                                         .under_exclusive_access = kAllowed,
                                         .least_access_state = LeastAccessState::standby};
inline constexpr CommandRules kReserveOut{.executed_at_home = true,
                                          .under_write_exclusive = kAllowed,
                                          .under_exclusive_access = kAllowed,
                                          .least_access_state = LeastAccessState::standby};

consteval CommandInfo reserve_in(ReservationReport service_action, std::string_view name) {
    return action(
        static_cast<std::uint8_t>(service_action),
        row<PersistentReserveInCdb>(0x5e, persistent_reserve_in, name, to_initiator, kReserveIn, kQuick));
}
consteval CommandInfo reserve_out(ReservationAction service_action, std::string_view name) {
    CommandRules rules = kReserveOut;
    if (service_action == ReservationAction::replace_lost_reservation) {
        rules.while_reservations_lost = kAllowed;
    }
    return action(
        static_cast<std::uint8_t>(service_action),
        row<PersistentReserveOutCdb>(0x5f, persistent_reserve_out, name, from_initiator, rules, kOrdinary));
}

inline constexpr auto kReservationCommands = std::to_array<CommandInfo>({
    row<Reserve6Cdb>(0x16, reserve_6, "RESERVE(6)", none, kReserve, kQuick),
    row<Reserve6Cdb>(0x17, release_6, "RELEASE(6)", none, kRelease, kQuick),
    row<Reserve10Cdb>(0x56, reserve_10, "RESERVE(10)", none, kReserve, kQuick),
    row<Reserve10Cdb>(0x57, release_10, "RELEASE(10)", none, kRelease, kQuick),
    reserve_in(ReservationReport::read_keys, "PERSISTENT RESERVE IN, READ KEYS"),
    reserve_in(ReservationReport::read_reservation, "PERSISTENT RESERVE IN, READ RESERVATION"),
    reserve_in(ReservationReport::report_capabilities, "PERSISTENT RESERVE IN, REPORT CAPABILITIES"),
    reserve_in(ReservationReport::read_full_status, "PERSISTENT RESERVE IN, READ FULL STATUS"),
    reserve_out(ReservationAction::register_key, "PERSISTENT RESERVE OUT, REGISTER"),
    reserve_out(ReservationAction::reserve, "PERSISTENT RESERVE OUT, RESERVE"),
    reserve_out(ReservationAction::release, "PERSISTENT RESERVE OUT, RELEASE"),
    reserve_out(ReservationAction::clear, "PERSISTENT RESERVE OUT, CLEAR"),
    reserve_out(ReservationAction::preempt, "PERSISTENT RESERVE OUT, PREEMPT"),
    reserve_out(ReservationAction::preempt_and_abort, "PERSISTENT RESERVE OUT, PREEMPT AND ABORT"),
    reserve_out(ReservationAction::register_and_ignore_existing_key,
                "PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY"),
    reserve_out(ReservationAction::register_and_move, "PERSISTENT RESERVE OUT, REGISTER AND MOVE"),
    reserve_out(ReservationAction::replace_lost_reservation,
                "PERSISTENT RESERVE OUT, REPLACE LOST RESERVATION"),
});

}  // namespace targe::scsi::rows
