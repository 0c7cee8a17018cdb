// CDB layouts of sequential-access devices, [SSC-5]: those that move data or the tape.
#pragma once

#include "wire/field.h"

#include <cstddef>
#include <cstdint>

namespace targe::vtl {

inline constexpr wire::Field kOpcode = wire::bytes(0, 0);

/// TEST UNIT READY, and others with nothing in them.
struct PlainCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode});
};

/// REWIND.
struct RewindCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmed});
};

struct ReadBlockLimitsCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kMloi = wire::bit(1, 0);  ///< the largest logical object identifier
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kMloi});
};

struct Read6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kSili = wire::bit(1, 1);
    static constexpr wire::Field kFixed = wire::bit(1, 0);
    static constexpr wire::Field kLength = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kSili, kFixed, kLength});
};

struct ReadReverse6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kByteOrder = wire::bit(1, 2);
    static constexpr wire::Field kSili = wire::bit(1, 1);
    static constexpr wire::Field kFixed = wire::bit(1, 0);
    static constexpr wire::Field kLength = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kByteOrder, kSili, kFixed, kLength});
};

struct Write6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kFixed = wire::bit(1, 0);
    static constexpr wire::Field kLength = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kFixed, kLength});
};

struct WriteFilemarks6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kCount = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmed, kCount});
};

struct Verify6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 2);
    static constexpr wire::Field kByteCompare = wire::bit(1, 1);
    static constexpr wire::Field kFixed = wire::bit(1, 0);
    static constexpr wire::Field kLength = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmed, kByteCompare, kFixed, kLength});
};

/// CODE of SPACE.
enum class SpaceCode : std::uint8_t {
    blocks = 0,
    filemarks = 1,
    sequential_filemarks = 2,
    end_of_data = 3,
    setmarks = 4,
};

struct Space6Cdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kCode = wire::bits(1, 3, 0);
    static constexpr wire::Field kCount = wire::bytes(2, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kCode, kCount});
};

struct Space16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kCode = wire::bits(1, 3, 0);
    static constexpr wire::Field kCount = wire::bytes(4, 11);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kCode, kCount});
};

struct Locate10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kVendorAddress = wire::bit(1, 2);  ///< BT
    static constexpr wire::Field kChangePartition = wire::bit(1, 1);
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kObject = wire::bytes(3, 6);
    static constexpr wire::Field kPartition = wire::bytes(8, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kVendorAddress, kChangePartition, kImmed, kObject, kPartition});
};

struct Locate16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kDestination = wire::bits(1, 5, 3);
    static constexpr wire::Field kChangePartition = wire::bit(1, 1);
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kPartition = wire::bytes(3, 3);
    static constexpr wire::Field kIdentifier = wire::bytes(4, 11);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kDestination, kChangePartition, kImmed, kPartition, kIdentifier});
};

struct ReadPositionCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

struct EraseCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 1);
    static constexpr wire::Field kLong = wire::bit(1, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmed, kLong});
};

struct LoadUnloadCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kHold = wire::bit(4, 3);
    static constexpr wire::Field kEndOfTape = wire::bit(4, 2);
    static constexpr wire::Field kRetension = wire::bit(4, 1);
    static constexpr wire::Field kLoad = wire::bit(4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kImmed, kHold, kEndOfTape, kRetension, kLoad});
};

struct FormatMediumCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kVerify = wire::bit(1, 1);
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kFormat = wire::bits(2, 3, 0);
    static constexpr wire::Field kTransferLength = wire::bytes(3, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kVerify, kImmed, kFormat, kTransferLength});
};

struct SetCapacityCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kImmed = wire::bit(1, 0);
    static constexpr wire::Field kProportion = wire::bytes(3, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmed, kProportion});
};

struct AllowOverwriteCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kAllow = wire::bits(2, 3, 0);
    static constexpr wire::Field kPartition = wire::bytes(3, 3);
    static constexpr wire::Field kObject = wire::bytes(4, 11);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kAllow, kPartition, kObject});
};

}  // namespace targe::vtl
