// A unit with registrants, and how tests ask of it.
#pragma once

#include "scsi/persistent_reserve_out.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace targe::scsi::testing {

inline constexpr ReservationType kTypes[] = {ReservationType::write_exclusive,
                                             ReservationType::exclusive_access,
                                             ReservationType::write_exclusive_registrants_only,
                                             ReservationType::exclusive_access_registrants_only,
                                             ReservationType::write_exclusive_all_registrants,
                                             ReservationType::exclusive_access_all_registrants};
constexpr std::uint8_t code(ReservationType type) {
    return static_cast<std::uint8_t>(type);
}

inline ItNexus nexus(char name, std::uint16_t port = 1) {
    return {.target_port = port, .initiator = {.isid = 1, .name = std::string("iqn.") + name}};
}
inline TransportId id_of(char name) {
    return {.name = std::string("iqn.") + name, .isid = 1};
}
inline const ItNexus kA = nexus('a');
inline const ItNexus kB = nexus('b');
inline const ItNexus kC = nexus('c');

/// A is registered with key Ah, B with Bh, C with Bh too; B holds what is held.
inline PersistentReservations unit(std::optional<ReservationType> type = {}) {
    PersistentReservations made;
    made.generation = 5;
    made.registrants = {{.nexus = kA, .key = 0xa}, {.nexus = kB, .key = 0xb}, {.nexus = kC, .key = 0xb}};
    made.reserved = type;
    if (type && !is_all_registrants(*type)) {
        made.holder = kB;
    }
    return made;
}

using Answer = std::expected<ReservationChange, Outcome>;

inline Answer ask(const PersistentReservations& before, const ItNexus& from,
                  const ReservationRequest& request, bool keeps = true) {
    return persistent_reserve_out(
        before, request,
        {.nexus = from,
         .target_ports = {1, 2},
         .known = {nexus('a').initiator, nexus('n').initiator, {.isid = 2, .name = "iqn.n"}},
         .keeps = keeps});
}

inline Outcome outcome(const Answer& answer) {
    return answer ? Outcome{Status::good} : answer.error();
}
inline const Outcome kConflict = Status::reservation_conflict;
inline const Outcome kGood = Status::good;

inline std::vector<ItNexus> told(const Answer& answer, Asc condition) {
    for (const ReservationNotice& each : answer->notices) {
        if (each.condition == condition) {
            return each.nexuses;
        }
    }
    return {};
}

inline std::vector<ItNexus> registered(const PersistentReservations& state) {
    std::vector<ItNexus> all;
    for (const Registrant& each : state.registrants) {
        all.push_back(each.nexus);
    }
    return all;
}

}  // namespace targe::scsi::testing
