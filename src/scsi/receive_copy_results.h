// What a copy manager tells of its copies and of itself, [SPC-4 r37 6.4].
#pragma once

#include "scsi/extended_copy.h"
#include "scsi/parameter_writer.h"
#include "scsi/rod_token.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"

#include <cstdint>
#include <optional>

namespace targe::scsi {

/// COPY OPERATION STATUS, as the commands with a four-byte identifier tell it.
enum class CopyStatus : std::uint8_t {
    completed = 0x01,
    failed = 0x02,
    in_foreground = 0x11,
    in_background = 0x12,
    terminated = 0x60,
};

/// How far a copy has come, or how it ended.
struct CopyProgress {
    CopyStatus status = CopyStatus::in_foreground;
    std::uint16_t segments = 0;  ///< processed
    std::uint64_t bytes = 0;     ///< written to copy destinations
    std::optional<Sense> sense = {};

    [[nodiscard]] bool ended() const {
        return status != CopyStatus::in_foreground && status != CopyStatus::in_background;
    }
};

/// RECEIVE COPY STATUS(LID1).
void copy_status_lid1(const CopyProgress& progress, ParameterWriter& out);
/// RECEIVE COPY FAILURE DETAILS(LID1): nothing but a length of zero when the copy did not fail.
void copy_failure_details(const CopyProgress& progress, SenseFormat format, ParameterWriter& out);
/// RECEIVE COPY STATUS(LID4), for a copy that a command with this service action asked for. Counts in units
/// of `count_unit` bytes: 1, or for a block device's own commands its block.
void copy_status_lid4(const CopyProgress& progress, std::uint8_t service_action, std::uint32_t count_unit,
                      SenseFormat format, ParameterWriter& out);
/// RECEIVE ROD TOKEN INFORMATION: the same, and the token that was made, if one was.
void rod_token_information(const CopyProgress& progress, std::uint8_t service_action,
                           std::uint32_t count_unit, SenseFormat format, const RodTokenBytes* token,
                           ParameterWriter& out);
/// RECEIVE COPY OPERATING PARAMETERS.
void copy_operating_parameters(const UnitDescription& unit, ParameterWriter& out);

}  // namespace targe::scsi
