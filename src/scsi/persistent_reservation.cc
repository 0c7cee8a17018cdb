#include "scsi/persistent_reservation.h"

#include <algorithm>

namespace targe::scsi {

std::optional<ReservationType> reservation_type(std::uint8_t code) {
    switch (code) {
        case 1:
        case 3:
        case 5:
        case 6:
        case 7:
        case 8:
            return static_cast<ReservationType>(code);
        default:
            return std::nullopt;
    }
}

std::string_view to_string(ReservationType type) {
    switch (type) {
        case ReservationType::write_exclusive:
            return "write exclusive";
        case ReservationType::exclusive_access:
            return "exclusive access";
        case ReservationType::write_exclusive_registrants_only:
            return "write exclusive, registrants only";
        case ReservationType::exclusive_access_registrants_only:
            return "exclusive access, registrants only";
        case ReservationType::write_exclusive_all_registrants:
            return "write exclusive, all registrants";
        case ReservationType::exclusive_access_all_registrants:
            return "exclusive access, all registrants";
    }
    __builtin_unreachable();
}

const Registrant* PersistentReservations::find(const ItNexus& nexus) const {
    const auto at = std::ranges::find(registrants, nexus, &Registrant::nexus);
    return at == registrants.end() ? nullptr : &*at;
}

bool PersistentReservations::is_held_by(const ItNexus& nexus) const {
    if (!reserved) {
        return false;
    }
    return is_all_registrants(*reserved) ? find(nexus) != nullptr : holder == nexus;
}

Restriction PersistentReservations::restriction(const ItNexus& nexus) const {
    if (!reserved) {
        return Restriction::none;
    }
    const bool one_holder = !is_registrants_only(*reserved) && !is_all_registrants(*reserved);
    if (one_holder ? holder == nexus : find(nexus) != nullptr) {
        return Restriction::none;
    }
    return is_write_exclusive(*reserved) ? Restriction::writing : Restriction::access;
}

bool PersistentReservations::lets_reserve(const ItNexus& nexus) const {
    if (!reserved) {
        return false;
    }
    const bool for_registrants = is_registrants_only(*reserved) || is_all_registrants(*reserved);
    return is_held_by(nexus) || (for_registrants && find(nexus) != nullptr);
}

}  // namespace targe::scsi
