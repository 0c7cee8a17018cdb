// Commands that only tell something: answered at once, from the lane's snapshot.
#pragma once

#include "engine/command.h"
#include "scsi/sense.h"

namespace targe::engine {

/// INQUIRY, REQUEST SENSE, REPORT LUNS, READ CAPACITY, MODE SENSE and the REPORT SUPPORTED … commands.
[[nodiscard]] scsi::Outcome answer_parameters(Command& command);

/// What a LUN without a unit says: INQUIRY, REPORT LUNS and REQUEST SENSE are answered,
/// everything else ends in LOGICAL UNIT NOT SUPPORTED, [SPC-4 r37 6.6, 6.33, 6.39].
[[nodiscard]] scsi::Outcome answer_without_unit(Command& command);

}  // namespace targe::engine
