// REQUEST SENSE parameter data, [SPC-4 r37 6.39].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"

#include <optional>

namespace targe::scsi {

/// `sense` is what waits for this nexus; nothing becomes NO SENSE. The DESC bit of the CDB chooses `format`,
/// whatever D_SENSE is.
void request_sense(const std::optional<Sense>& sense, SenseFormat format, ParameterWriter& out);

}  // namespace targe::scsi
