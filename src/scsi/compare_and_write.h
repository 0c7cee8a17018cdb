// COMPARE AND WRITE, [SBC-3 r36 5.2].
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

struct CompareAndWriteCdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< WRPROTECT
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBlocks = wire::bytes(13, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kFua, kLba, kBlocks, kGroup});
};

/// The data-out is the blocks to compare, then as many to write.
std::expected<MediumAccess, Sense> plan_compare_and_write(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
