// WRITE SAME: one block of data-out, or none, becomes the content of each block of a range, [SBC-3 r36].
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

/// UNMAP is used where the unit is thin, ANCHOR where it can give a block space before it is written.
struct WriteSame10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< WRPROTECT
    static constexpr wire::Field kAnchor = wire::bit(1, 4);
    static constexpr wire::Field kUnmap = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kGroup = wire::bits(6, 4, 0);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);  ///< 0 means to the end of the medium
    static constexpr auto kUsageThick = wire::usage_mask<kSize>({kOpcode, kProtect, kLba, kGroup, kBlocks});
    static constexpr auto kUsageThin =
        wire::usage_mask<kSize>({kOpcode, kProtect, kUnmap, kLba, kGroup, kBlocks});
    static constexpr auto kUsageAnchoring =
        wire::usage_mask<kSize>({kOpcode, kProtect, kAnchor, kUnmap, kLba, kGroup, kBlocks});
};

struct WriteSame16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< WRPROTECT
    static constexpr wire::Field kAnchor = wire::bit(1, 4);
    static constexpr wire::Field kUnmap = wire::bit(1, 3);
    static constexpr wire::Field kNoDataOut = wire::bit(1, 0);  ///< NDOB
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBlocks = wire::bytes(10, 13);  ///< 0 means to the end of the medium
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsageThick =
        wire::usage_mask<kSize>({kOpcode, kProtect, kNoDataOut, kLba, kBlocks, kGroup});
    static constexpr auto kUsageThin =
        wire::usage_mask<kSize>({kOpcode, kProtect, kUnmap, kNoDataOut, kLba, kBlocks, kGroup});
    static constexpr auto kUsageAnchoring =
        wire::usage_mask<kSize>({kOpcode, kProtect, kAnchor, kUnmap, kNoDataOut, kLba, kBlocks, kGroup});
};

/// `Layout` is one of the two above. A range need not be aligned to the granularity of unmapping.
template <class Layout>
std::expected<MediumAccess, Sense> plan_write_same(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
