#include "scsi/write_atomic.h"

#include "scsi/cdb.h"

namespace targe::scsi {

std::expected<MediumAccess, Sense> plan_write_atomic(wire::Bytes raw, const UnitDescription& unit) {
    using L = WriteAtomic16Cdb;
    const auto cdb = layout_of<L::kSize>(raw);
    // No protection information is kept, so only 000b can be honoured.
    if (wire::get<L::kProtect>(cdb) != 0) {
        return std::unexpected{invalid_field(L::kProtect)};
    }
    MediumAccess access{.lba = wire::get<L::kLba>(cdb),
                        .blocks = wire::get<L::kBlocks>(cdb),
                        .dpo = wire::get<L::kDpo>(cdb) != 0,
                        .fua = wire::get<L::kFua>(cdb) != 0,
                        .group = wire::get<L::kGroup>(cdb)};
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    // MAXIMUM ATOMIC BOUNDARY SIZE is 0: atomic writes are not split.
    if (wire::get<L::kBoundary>(cdb) != 0) {
        return std::unexpected{invalid_field(L::kBoundary)};
    }
    if (access.blocks > unit.limits.max_atomic_transfer) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    access.data_out_bytes = access.blocks * unit.block_size;
    return access;
}

}  // namespace targe::scsi
