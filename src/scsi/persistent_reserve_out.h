// PERSISTENT RESERVE OUT, [SPC-4 r37 6.16]: what a command asks, and what becomes of the registrations.
#pragma once

#include "scsi/persistent_reservation.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

namespace targe::scsi {

struct PersistentReserveOutCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kScope = wire::bits(2, 7, 4);
    static constexpr wire::Field kType = wire::bits(2, 3, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(5, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kScope, kType, kParameterListLength});
};

/// Longer lists are refused: no initiator names so many ports at once.
inline constexpr std::size_t kMaxReservationParameters = std::size_t{64} << 10U;

enum class ReservationAction : std::uint8_t {
    register_key = 0x00,
    reserve = 0x01,
    release = 0x02,
    clear = 0x03,
    preempt = 0x04,
    preempt_and_abort = 0x05,
    register_and_ignore_existing_key = 0x06,
    register_and_move = 0x07,
    replace_lost_reservation = 0x08,
};

/// CDB and parameter list, their form checked and their meaning not.
struct ReservationRequest {
    ReservationAction action = ReservationAction::register_key;
    std::uint8_t scope = 0;
    std::uint8_t type = 0;
    std::uint64_t key = 0;                     ///< RESERVATION KEY
    std::uint64_t service_action_key = 0;      ///< SERVICE ACTION RESERVATION KEY
    bool through_power_loss = false;           ///< APTPL
    bool all_target_ports = false;             ///< ALL_TG_PT
    bool names_initiators = false;             ///< SPEC_I_PT
    bool unregister = false;                   ///< UNREG of REGISTER AND MOVE
    std::uint16_t target_port = 0;             ///< of REGISTER AND MOVE
    std::vector<TransportId> initiators = {};  ///< of SPEC_I_PT and REGISTER AND MOVE
};

/// `list` is what came of the parameter list.
[[nodiscard]] std::expected<ReservationRequest, Sense> reservation_request(
    std::span<const std::byte, PersistentReserveOutCdb::kSize> cdb, wire::Bytes list);

/// What an action must know besides the registrations.
struct ReservationAsker {
    ItNexus nexus;                            ///< on which the command came
    std::vector<std::uint16_t> target_ports;  ///< of the SCSI target device, the nexus's own among them
    std::vector<InitiatorPort> known;         ///< initiator ports that are logged in
    bool keeps = false;                       ///< the unit can make registrations outlive a loss of power
};

/// A unit attention and the nexuses that get it.
struct ReservationNotice {
    Asc condition;
    std::vector<ItNexus> nexuses;
    bool operator==(const ReservationNotice&) const = default;
};

struct ReservationChange {
    PersistentReservations next;
    std::vector<ReservationNotice> notices;
    std::vector<ItNexus> aborted;  ///< whose commands PREEMPT AND ABORT ends, but for itself
    bool operator==(const ReservationChange&) const = default;
};

/// The registrations after the action, or why it is refused; then nothing changes. PRgeneration is counted.
[[nodiscard]] std::expected<ReservationChange, Outcome> persistent_reserve_out(
    const PersistentReservations& unit, const ReservationRequest& request, const ReservationAsker& asker);

/// What an administrator does to registrations and reservation, without being registered: all of them go, and
/// what was lost is lost no longer. Everybody who was registered is told RESERVATIONS PREEMPTED.
[[nodiscard]] ReservationChange cleared(const PersistentReservations& unit);

}  // namespace targe::scsi
