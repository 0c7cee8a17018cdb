// Persistent reservations as the text that outlives the process.
#pragma once

#include "scsi/persistent_reservation.h"

#include <optional>
#include <string>
#include <string_view>

namespace targe::scsi {

/// All but PRgeneration, which begins anew with the power, [SPC-4 r37 6.15.2]. Where they are not to outlive
/// it, that alone: nothing is left of them.
[[nodiscard]] std::string to_text(const PersistentReservations& unit);
/// Nothing for what to_text() cannot have written, whole and unaltered.
[[nodiscard]] std::optional<PersistentReservations> reservations_from_text(std::string_view text);

}  // namespace targe::scsi
