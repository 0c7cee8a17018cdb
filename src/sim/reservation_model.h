// Reservations of one logical unit, told again in a few lines: for a checker, so nothing of src/scsi is in
// it.
#pragma once

#include "sim/task.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::sim {

inline constexpr std::size_t kMostInitiators = 4;

/// What is registered and reserved, [SPC-4 r37 5.13], and who holds the unit by RESERVE, [SPC-2 r20].
struct Reservations {
    std::array<std::uint64_t, kMostInitiators> keys{};  ///< 0: not registered
    std::uint8_t type = 0;                              ///< 0: no persistent reservation
    std::optional<InitiatorIndex> holder = {};          ///< of the types that have one
    bool aptpl = false;
    std::uint64_t reserved_by = 0;  ///< a session, by RESERVE
    bool operator==(const Reservations&) const = default;

    [[nodiscard]] bool is_registered(InitiatorIndex who) const { return keys.at(who) != 0; }
    [[nodiscard]] bool holds(InitiatorIndex who) const;
};

/// Who is told what of a change, and whose tasks end with it.
struct ReservationEffects {
    struct Notice {
        InitiatorIndex initiator;
        std::uint32_t condition;  ///< ASC and ASCQ
        bool operator==(const Notice&) const = default;
    };
    std::vector<Notice> notices;
    std::vector<InitiatorIndex> preempted_and_aborted;
    bool operator==(const ReservationEffects&) const = default;
};

inline constexpr std::uint32_t kReservationsPreempted = 0x2a03;
inline constexpr std::uint32_t kReservationsReleased = 0x2a04;
inline constexpr std::uint32_t kRegistrationsPreempted = 0x2a05;

/// What PERSISTENT RESERVE OUT, RESERVE or RELEASE makes of the state; nothing when it does not end in GOOD.
[[nodiscard]] std::optional<Reservations> change(const Reservations& before, const Task& task,
                                                 ReservationEffects& effects);

/// Whether the state lets the task pass.
[[nodiscard]] bool allows(const Reservations& state, const Task& task);

}  // namespace targe::sim
