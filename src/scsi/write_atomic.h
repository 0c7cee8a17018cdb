// WRITE ATOMIC(16), [SBC-4 r22]: all of its blocks are written or none of them, whatever happens.
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

struct WriteAtomic16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kProtect = wire::bits(1, 7, 5);  ///< WRPROTECT
    static constexpr wire::Field kDpo = wire::bit(1, 4);
    static constexpr wire::Field kFua = wire::bit(1, 3);
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBoundary = wire::bytes(10, 11);  ///< ATOMIC BOUNDARY: none but 0 is offered
    static constexpr wire::Field kBlocks = wire::bytes(12, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kProtect, kDpo, kFua, kLba, kBoundary, kBlocks, kGroup});
};

std::expected<MediumAccess, Sense> plan_write_atomic(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
