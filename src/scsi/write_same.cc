#include "scsi/write_same.h"

#include "scsi/cdb.h"

namespace targe::scsi {

template <class L>
std::expected<MediumAccess, Sense> plan_write_same(wire::Bytes raw, const UnitDescription& unit) {
    const auto cdb = layout_of<L::kSize>(raw);
    // No protection information is kept, so only 000b can be honoured.
    if (wire::get<L::kProtect>(cdb) != 0) {
        return std::unexpected{invalid_field(L::kProtect)};
    }
    MediumAccess access{.lba = wire::get<L::kLba>(cdb),
                        .blocks = wire::get<L::kBlocks>(cdb),
                        .data_out_bytes = unit.block_size,
                        .unmap = wire::get<L::kUnmap>(cdb) != 0,
                        .anchor = wire::get<L::kAnchor>(cdb) != 0};
    if (access.anchor && !access.unmap) {
        return std::unexpected{invalid_field(L::kAnchor)};
    }
    if constexpr (requires { L::kNoDataOut; }) {
        access.no_data_out = wire::get<L::kNoDataOut>(cdb) != 0;
        access.data_out_bytes = access.no_data_out ? 0 : unit.block_size;
    }
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    if (access.blocks == 0) {
        if (!unit.limits.write_same_of_zero_blocks) {
            return std::unexpected{invalid_field(L::kBlocks)};
        }
        access.blocks = unit.blocks - access.lba;
    }
    // A length that reaches to the end is held to the limit as well, [SBC-3 r36].
    if (unit.limits.max_write_same != 0 && access.blocks > unit.limits.max_write_same) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    return access;
}

using Planned = std::expected<MediumAccess, Sense>;
template Planned plan_write_same<WriteSame10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write_same<WriteSame16Cdb>(wire::Bytes, const UnitDescription&);

}  // namespace targe::scsi
