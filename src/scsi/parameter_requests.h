// From the CDBs of commands that move parameter data to what they ask for.
#pragma once

#include "scsi/command_id.h"
#include "scsi/inquiry.h"
#include "scsi/mode_pages.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstdint>
#include <expected>

namespace targe::scsi {

// `cdb` has been accepted by find_command(), and is of the command that the function names.

[[nodiscard]] InquiryRequest inquiry_request(wire::Bytes cdb);

/// `id` is mode_sense_6 or mode_sense_10.
[[nodiscard]] ModeSenseRequest mode_sense_request(CommandId id, wire::Bytes cdb);

/// `id` is mode_select_6 or mode_select_10.
[[nodiscard]] ModeSelectRequest mode_select_request(CommandId id, wire::Bytes cdb);

/// DESC of REQUEST SENSE.
[[nodiscard]] SenseFormat request_sense_format(wire::Bytes cdb);

/// SELECT REPORT of REPORT LUNS.
[[nodiscard]] std::uint8_t select_report(wire::Bytes cdb);

/// STARTING LOGICAL BLOCK ADDRESS of GET LBA STATUS: a block of the medium.
[[nodiscard]] std::expected<std::uint64_t, Sense> starting_lba(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
