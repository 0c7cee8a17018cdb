// REPORT LUNS parameter data, [SPC-4 r37 6.33].
#pragma once

#include "scsi/lun.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"

#include <cstdint>
#include <optional>
#include <span>

namespace targe::scsi {

/// Writes the logical unit inventory that SELECT REPORT `select_report` asks for. `luns` are those that this
/// I_T nexus may reach, ascending.
[[nodiscard]] std::optional<Sense> report_luns(std::uint8_t select_report, std::span<const Lun> luns,
                                               ParameterWriter& out);

}  // namespace targe::scsi
