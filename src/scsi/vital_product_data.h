// The vital product data pages, [SPC-4 r37 7.8] and [SBC-3 r36 6.5].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/unit_description.h"

#include <cstdint>

namespace targe::scsi {

/// The first byte of all that INQUIRY answers of the unit: whether it is reached, and what it is.
[[nodiscard]] std::uint8_t peripheral_byte(const UnitDescription& unit, const PortDescription& port);

/// Writes the page. False, and nothing is written, when this unit has no such page.
[[nodiscard]] bool write_vital_product_data(std::uint8_t page_code, const UnitDescription& unit,
                                            const PortDescription& port, ParameterWriter& out);

/// The Device Identification page, 83h: who the unit is, and by which port it was reached.
void write_device_identification(const UnitDescription& unit, const PortDescription& port,
                                 ParameterWriter& out);

/// Those of its designation descriptors that name the unit and not a port.
void write_unit_designators(const UnitIdentity& identity, ParameterWriter& out);

/// The SCSI Ports page, 88h: every port of the target device.
void write_scsi_ports(const UnitDescription& unit, const PortDescription& port, ParameterWriter& out);

/// The Third-Party Copy page, 8Fh: what the unit's copy manager can do.
void write_third_party_copy(const UnitDescription& unit, const PortDescription& port, ParameterWriter& out);

}  // namespace targe::scsi
