// VERIFY and WRITE AND VERIFY, [SBC-3 r36].
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

/// Also of WRITE AND VERIFY (10), as the next two are of (12) and (16).
struct Verify10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< VRPROTECT, WRPROTECT
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kByteCheck = wire::bits(1, 2, 1);  ///< BYTCHK
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kGroup = wire::bits(6, 4, 0);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kByteCheck, kLba, kGroup, kBlocks});
};

struct Verify12Cdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kByteCheck = wire::bits(1, 2, 1);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kBlocks = wire::bytes(6, 9);
    static constexpr wire::Field kGroup = wire::bits(10, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kByteCheck, kLba, kBlocks, kGroup});
};

struct Verify16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kByteCheck = wire::bits(1, 2, 1);
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBlocks = wire::bytes(10, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kByteCheck, kLba, kBlocks, kGroup});
};

/// `Layout` is one of the three above.
template <class Layout>
std::expected<MediumAccess, Sense> plan_verify(wire::Bytes cdb, const UnitDescription& unit);
/// BYTCHK 11b is for VERIFY alone: what is written here is as long as the range.
template <class Layout>
std::expected<MediumAccess, Sense> plan_write_and_verify(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
