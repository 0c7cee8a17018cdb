// Rows of the command table: diagnostics, and the buffers of READ BUFFER and WRITE BUFFER, [SPC-4 r37].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/data_buffer.h"
#include "scsi/diagnostics.h"

#include <array>

namespace targe::scsi::rows {

inline constexpr CommandRules kReceivesDiagnostics{.under_write_exclusive = kAllowed,
                                                   .least_access_state = LeastAccessState::standby};
/// The result of a self-test becomes part of the unit's state.
inline constexpr CommandRules kSendsDiagnostics{
    .accesses_medium = true, .executed_at_home = true, .least_access_state = LeastAccessState::standby};
/// Error history belongs to the whole unit.
inline constexpr CommandRules kReadsBuffers{.executed_at_home = true,
                                            .under_write_exclusive = kAllowed,
                                            .while_reservations_lost = kAllowed,
                                            .least_access_state = LeastAccessState::transitioning};
inline constexpr CommandRules kWritesBuffers{.while_reservations_lost = kAllowed,
                                             .least_access_state = LeastAccessState::transitioning};

inline constexpr auto kDiagnosticCommands = std::to_array<CommandInfo>({
    row<ReceiveDiagnosticResultsCdb>(0x1c, receive_diagnostic_results, "RECEIVE DIAGNOSTIC RESULTS",
                                     to_initiator, kReceivesDiagnostics, kQuick),
    row<SendDiagnosticCdb>(0x1d, send_diagnostic, "SEND DIAGNOSTIC", from_initiator, kSendsDiagnostics,
                           kOrdinary),
    row<WriteBufferCdb>(0x3b, write_buffer, "WRITE BUFFER", from_initiator, kWritesBuffers, kQuick),
    row<ReadBufferCdb>(0x3c, read_buffer, "READ BUFFER", to_initiator, kReadsBuffers, kQuick),
});

}  // namespace targe::scsi::rows
