// The commands of third-party copy: their CDBs, and what one copy manager takes on, [SPC-4 r37 6.4].
#pragma once

#include "wire/field.h"

#include <cstddef>
#include <cstdint>

namespace targe::scsi {

/// EXTENDED COPY(LID1) and (LID4).
struct ExtendedCopyCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(10, 13);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kParameterListLength});
};

/// POPULATE TOKEN and WRITE USING TOKEN, [SBC-3 r36].
struct TokenCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kListIdentifier = wire::bytes(6, 9);
    static constexpr wire::Field kParameterListLength = wire::bytes(10, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kListIdentifier, kParameterListLength, kGroup});
};

struct CopyOperationAbortCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kListIdentifier = wire::bytes(2, 5);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kListIdentifier});
};

/// RECEIVE COPY STATUS(LID1) and RECEIVE COPY FAILURE DETAILS(LID1).
struct ReceiveCopyLid1Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kListIdentifier = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kListIdentifier, kAllocationLength});
};

/// RECEIVE COPY STATUS(LID4) and RECEIVE ROD TOKEN INFORMATION.
struct ReceiveCopyLid4Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kListIdentifier = wire::bytes(2, 5);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kListIdentifier, kAllocationLength});
};

/// RECEIVE COPY OPERATING PARAMETERS.
struct ReceiveCopyOperatingParametersCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(10, 13);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

/// What one command, and one initiator, may ask of a copy manager: announced by RECEIVE COPY OPERATING
/// PARAMETERS and the Third-Party Copy VPD page, and enforced, from here.
namespace copy_limits {

inline constexpr std::size_t kCscdDescriptorBytes = 32;
inline constexpr std::size_t kCscdDescriptors = 16;
inline constexpr std::size_t kSegmentDescriptors = 64;
/// Of both lists together. It holds as many descriptors of each kind as there may be.
inline constexpr std::size_t kDescriptorListBytes =
    kCscdDescriptors * kCscdDescriptorBytes + kSegmentDescriptors * 28;
/// As many as a segment descriptor can say.
inline constexpr std::uint32_t kSegmentBytes = 0xffff'ffff;
/// Of one initiator at one unit: under way, or ended and not asked about yet.
inline constexpr std::uint8_t kCopies = 16;

/// Of a command that makes or uses a ROD token.
inline constexpr std::uint16_t kTokenRanges = 128;
inline constexpr std::uint64_t kTokenBytes = std::uint64_t{256} << 20U;
inline constexpr std::uint64_t kOptimalTokenBytes = std::uint64_t{64} << 20U;
/// A token that nobody uses for so many seconds is gone.
inline constexpr std::uint32_t kLongestTokenTimeout = 300;
inline constexpr std::uint32_t kTokenTimeout = 30;
/// Of one unit: beyond, the one that was used the longest time ago goes.
inline constexpr std::size_t kTokens = 128;

}  // namespace copy_limits

/// The longest parameter list that makes sense, whichever the command.
inline constexpr std::size_t kMaxCopyParameters = 4096;

}  // namespace targe::scsi
