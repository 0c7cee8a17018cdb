// Rows of the command table: who may use the unit.
#pragma once

#include "scsi/command_rows.h"
#include "scsi/parameter_cdbs.h"

#include <array>

namespace targe::scsi::rows {

inline constexpr auto kReservationCommands = std::to_array<CommandInfo>({
    row<Reserve6Cdb>(0x16, reserve_6, "RESERVE(6)", none, kReserve, kQuick),
    row<Reserve6Cdb>(0x17, release_6, "RELEASE(6)", none, kRelease, kQuick),
    row<Reserve10Cdb>(0x56, reserve_10, "RESERVE(10)", none, kReserve, kQuick),
    row<Reserve10Cdb>(0x57, release_10, "RELEASE(10)", none, kRelease, kQuick),
});

}  // namespace targe::scsi::rows
