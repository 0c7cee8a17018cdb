// Registrations and the persistent reservation of a logical unit, as a value, [SPC-4 r37 5.13].
#pragma once

#include "scsi/transport_id.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace targe::scsi {

/// TYPE, [SPC-4 r37 6.15.3.4]. The scope is always LU_SCOPE.
enum class ReservationType : std::uint8_t {
    write_exclusive = 1,
    exclusive_access = 3,
    write_exclusive_registrants_only = 5,
    exclusive_access_registrants_only = 6,
    write_exclusive_all_registrants = 7,
    exclusive_access_all_registrants = 8,
};

/// Nothing for the codes that are obsolete or reserved.
[[nodiscard]] std::optional<ReservationType> reservation_type(std::uint8_t code);

/// For people.
[[nodiscard]] std::string_view to_string(ReservationType type);

[[nodiscard]] constexpr bool is_registrants_only(ReservationType type) {
    return type == ReservationType::write_exclusive_registrants_only ||
           type == ReservationType::exclusive_access_registrants_only;
}
[[nodiscard]] constexpr bool is_all_registrants(ReservationType type) {
    return type == ReservationType::write_exclusive_all_registrants ||
           type == ReservationType::exclusive_access_all_registrants;
}
[[nodiscard]] constexpr bool is_write_exclusive(ReservationType type) {
    return type == ReservationType::write_exclusive ||
           type == ReservationType::write_exclusive_registrants_only ||
           type == ReservationType::write_exclusive_all_registrants;
}

struct Registrant {
    ItNexus nexus;
    std::uint64_t key = 0;  ///< never zero
    bool operator==(const Registrant&) const = default;
};

/// What a persistent reservation keeps a nexus from.
enum class Restriction : std::uint8_t { none, writing, access };

/// Immutable once a lane has it. Altered by persistent_reserve_out() alone.
struct PersistentReservations {
    std::uint32_t generation = 0;              ///< PRgeneration, [SPC-4 r37 6.15.2]
    bool through_power_loss = false;           ///< the last valid APTPL
    bool lost = false;                         ///< they were to outlive the process, and could not be read
    std::vector<Registrant> registrants = {};  ///< in the order of their registration
    std::optional<ReservationType> reserved = {};  ///< the type of the reservation, if there is one
    std::optional<ItNexus> holder = {};            ///< of the types that have one holder
    bool operator==(const PersistentReservations&) const = default;

    [[nodiscard]] const Registrant* find(const ItNexus& nexus) const;
    [[nodiscard]] bool is_held_by(const ItNexus& nexus) const;
    [[nodiscard]] Restriction restriction(const ItNexus& nexus) const;
    /// Whether RESERVE and RELEASE of this nexus do nothing, and well, instead of conflicting,
    /// [SPC-4 r37 5.13.3].
    [[nodiscard]] bool lets_reserve(const ItNexus& nexus) const;
};

/// Of one unit: a bound for its memory, and for the file that keeps them.
inline constexpr std::size_t kMaxRegistrants = 1024;

}  // namespace targe::scsi
