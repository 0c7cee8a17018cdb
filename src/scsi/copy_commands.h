// Rows of the command table: third-party copy, [SPC-4 r37 6.4].
#pragma once

#include "scsi/command_rows.h"
#include "scsi/third_party_copy.h"

#include <array>

namespace targe::scsi::rows {

/// What is read and written is looked at for each unit that a copy concerns, when it is: see
/// [SPC-4 r37 5.13.1] for the unit that is asked.
inline constexpr CommandRules kCopies{.accesses_medium = true, .executed_in_pieces = true};
inline constexpr CommandRules kTellsOfCopies{};
/// Awaits the end of the copy, which may be at a unit that hangs: nobody else is to wait for that.
inline constexpr CommandRules kEndsCopies{.executed_at_home = true};
/// Reads nothing yet, and keeps the blocks that its token stands for in view: the unit's home does.
inline constexpr CommandRules kPopulates{
    .accesses_medium = true, .executed_at_home = true, .under_write_exclusive = kAllowed};
inline constexpr CommandRules kWritesFromToken{
    .writes_medium = true, .accesses_medium = true, .executed_in_pieces = true};

inline constexpr auto kCopyCommands = std::to_array<CommandInfo>({
    action(0x00, row<ExtendedCopyCdb>(0x83, extended_copy_lid1, "EXTENDED COPY(LID1)", from_initiator,
                                      kCopies, kLong)),
    action(0x01, row<ExtendedCopyCdb>(0x83, extended_copy_lid4, "EXTENDED COPY(LID4)", from_initiator,
                                      kCopies, kLong)),
    action(0x10,
           row<TokenCdb>(0x83, populate_token, "POPULATE TOKEN", from_initiator, kPopulates, kOrdinary)),
    action(0x11, row<TokenCdb>(0x83, write_using_token, "WRITE USING TOKEN", from_initiator, kWritesFromToken,
                               kLong)),
    action(0x1c, row<CopyOperationAbortCdb>(0x83, copy_operation_abort, "COPY OPERATION ABORT", none,
                                            kEndsCopies, kOrdinary)),
    action(0x00, row<ReceiveCopyLid1Cdb>(0x84, receive_copy_status_lid1, "RECEIVE COPY STATUS(LID1)",
                                         to_initiator, kTellsOfCopies, kQuick)),
    action(0x03, row<ReceiveCopyOperatingParametersCdb>(0x84, receive_copy_operating_parameters,
                                                        "RECEIVE COPY OPERATING PARAMETERS", to_initiator,
                                                        kTellsOfCopies, kQuick)),
    action(0x04,
           row<ReceiveCopyLid1Cdb>(0x84, receive_copy_failure_details, "RECEIVE COPY FAILURE DETAILS(LID1)",
                                   to_initiator, kTellsOfCopies, kQuick)),
    action(0x05, row<ReceiveCopyLid4Cdb>(0x84, receive_copy_status_lid4, "RECEIVE COPY STATUS(LID4)",
                                         to_initiator, kTellsOfCopies, kQuick)),
    action(0x07, row<ReceiveCopyLid4Cdb>(0x84, receive_rod_token_information, "RECEIVE ROD TOKEN INFORMATION",
                                         to_initiator, kTellsOfCopies, kQuick)),
});

}  // namespace targe::scsi::rows
