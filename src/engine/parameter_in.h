// Commands that only tell something: answered at once, from the lane's snapshot.
#pragma once

#include "engine/command.h"
#include "engine/command_path.h"
#include "scsi/command_table.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace targe::engine {

/// INQUIRY, REQUEST SENSE, REPORT LUNS, READ CAPACITY, MODE SENSE and the REPORT SUPPORTED … commands.
[[nodiscard]] scsi::Outcome answer_parameters(Command& command);

/// The commands that only drives of CDs and DVDs have: GET CONFIGURATION, READ TOC and their like.
[[nodiscard]] scsi::Outcome answer_of_drive(Command& command);

/// More than most answers have.
inline constexpr std::size_t kEnough = 4096;

/// Gives `write` a writer no longer than the allocation length, and sends what it wrote. A command that has
/// no allocation length, such as READ CAPACITY (10), is as long as it is.
[[nodiscard]] scsi::Outcome answer_with(Command& command, std::size_t longest, auto write) {
    const std::size_t allocation = command.life.info->length_unit == scsi::LengthUnit::allocation_bytes
                                       ? scsi::allocation_length(*command.life.info, command.cdb.bytes())
                                       : kEnough;
    const auto room = parameter_room(command, std::min(allocation, longest));
    if (!room) {
        return no_room(command);
    }
    scsi::ParameterWriter out{*room};
    if (const std::optional<scsi::Sense> refusal = write(out)) {
        return *refusal;
    }
    send_parameters(command, out.written());
    return scsi::Status::good;
}

/// What a LUN without a unit says: INQUIRY, REPORT LUNS and REQUEST SENSE are answered,
/// everything else ends in LOGICAL UNIT NOT SUPPORTED, [SPC-4 r37 6.6, 6.33, 6.39].
[[nodiscard]] scsi::Outcome answer_without_unit(Command& command);

}  // namespace targe::engine
