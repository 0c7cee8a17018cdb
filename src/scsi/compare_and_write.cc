#include "scsi/compare_and_write.h"

#include "scsi/cdb.h"

namespace targe::scsi {

std::expected<MediumAccess, Sense> plan_compare_and_write(wire::Bytes raw, const UnitDescription& unit) {
    using L = CompareAndWriteCdb;
    const auto cdb = layout_of<L::kSize>(raw);
    // No protection information is kept, so only 000b can be honoured.
    if (wire::get<L::kProtect>(cdb) != 0) {
        return std::unexpected{invalid_field(L::kProtect)};
    }
    MediumAccess access{.lba = wire::get<L::kLba>(cdb),
                        .blocks = wire::get<L::kBlocks>(cdb),
                        .dpo = wire::get<L::kDpo>(cdb) != 0,
                        .fua = wire::get<L::kFua>(cdb) != 0};
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    if (access.blocks > unit.limits.max_compare_and_write) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    access.data_out_bytes = 2 * access.blocks * unit.block_size;
    return access;
}

}  // namespace targe::scsi
