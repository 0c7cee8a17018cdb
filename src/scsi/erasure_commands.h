// Rows of the command table: FORMAT UNIT and SANITIZE, [SBC-3 r36].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/medium_erasure.h"

#include <array>

namespace targe::scsi::rows {

inline constexpr CommandRules kErases{
    .writes_medium = true, .accesses_medium = true, .executed_at_home = true, .leaves_failed_sanitize = true};
inline constexpr CommandRules kFormats{
    .writes_medium = true, .accesses_medium = true, .executed_at_home = true};
inline constexpr CommandRules kExitsFailureMode{.executed_at_home = true, .leaves_failed_sanitize = true};

inline constexpr auto kErasureCommands = std::to_array<CommandInfo>({
    row<FormatUnitCdb>(0x04, format_unit, "FORMAT UNIT", from_initiator, kFormats, kLong),
    action(0x01,
           row<SanitizeCdb>(0x48, sanitize_overwrite, "SANITIZE OVERWRITE", from_initiator, kErases, kLong)),
    action(0x02, row<SanitizeCdb>(0x48, sanitize_block_erase, "SANITIZE BLOCK ERASE", from_initiator, kErases,
                                  kLong, Availability::thin)),
    action(0x1f, row<SanitizeCdb>(0x48, sanitize_exit_failure_mode, "SANITIZE EXIT FAILURE MODE",
                                  from_initiator, kExitsFailureMode, kQuick)),
});

}  // namespace targe::scsi::rows
