// READ CAPACITY parameter data, [SBC-3 r36 5.15, 5.16].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/unit_description.h"

namespace targe::scsi {

/// A last LBA that does not fit is FFFFFFFFh: the initiator then asks READ CAPACITY (16).
void read_capacity_10(const UnitDescription& unit, ParameterWriter& out);
void read_capacity_16(const UnitDescription& unit, ParameterWriter& out);

}  // namespace targe::scsi
