// What the initiator is told of what the host did to us.
#pragma once

#include "device/device.h"
#include "scsi/sense.h"

namespace targe::engine {

/// In one place, so that a new kind of failure must be given an answer.
[[nodiscard]] scsi::Outcome sense_from(const device::IoFailure& failure);

}  // namespace targe::engine
