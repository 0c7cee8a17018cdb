#include "scsi/read_write.h"

#include "scsi/cdb.h"

#include <cstdint>

namespace targe::scsi {
namespace {

constexpr std::uint32_t kBlocksOfZeroLength6 = 256;

/// Everything but the direction of the data.
template <class L>
std::expected<MediumAccess, Sense> plan_range(wire::Bytes raw, const UnitDescription& unit) {
    const auto cdb = layout_of<L::kSize>(raw);
    // No protection information is kept, so only 000b can be honoured.
    if constexpr (requires { L::kProtect; }) {
        if (wire::get<L::kProtect>(cdb) != 0) {
            return std::unexpected{invalid_field(L::kProtect)};
        }
    }
    MediumAccess access{.lba = wire::get<L::kLba>(cdb), .blocks = wire::get<L::kBlocks>(cdb)};
    if constexpr (requires { L::kFua; }) {
        access.dpo = wire::get<L::kDpo>(cdb) != 0;
        access.fua = wire::get<L::kFua>(cdb) != 0;
        access.group = wire::get<L::kGroup>(cdb);
    } else if (access.blocks == 0) {
        access.blocks = kBlocksOfZeroLength6;
    }
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    if (unit.limits.max_transfer != 0 && access.blocks > unit.limits.max_transfer) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    return access;
}

}  // namespace

template <class L>
std::expected<MediumAccess, Sense> plan_read(wire::Bytes cdb, const UnitDescription& unit) {
    auto access = plan_range<L>(cdb, unit);
    if (access) {
        access->data_in_bytes = access->blocks * unit.block_size;
    }
    return access;
}

template <class L>
std::expected<MediumAccess, Sense> plan_write(wire::Bytes cdb, const UnitDescription& unit) {
    auto access = plan_range<L>(cdb, unit);
    if (access) {
        access->data_out_bytes = access->blocks * unit.block_size;
    }
    return access;
}

using Planned = std::expected<MediumAccess, Sense>;
template Planned plan_read<ReadWrite6Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_read<ReadWrite10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_read<ReadWrite12Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_read<ReadWrite16Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write<ReadWrite6Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write<ReadWrite10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write<ReadWrite12Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write<ReadWrite16Cdb>(wire::Bytes, const UnitDescription&);

}  // namespace targe::scsi
