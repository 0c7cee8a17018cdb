#include "scsi/cache.h"

#include "scsi/cdb.h"

namespace targe::scsi {

template <class L>
std::expected<MediumAccess, Sense> plan_synchronize_cache(wire::Bytes raw, const UnitDescription& unit) {
    const auto cdb = layout_of<L::kSize>(raw);
    MediumAccess access{.lba = wire::get<L::kLba>(cdb),
                        .blocks = wire::get<L::kBlocks>(cdb),
                        .immediate = wire::get<L::kImmediate>(cdb) != 0};
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    if (access.blocks == 0) {
        access.blocks = unit.blocks - access.lba;
    }
    return access;
}

template <class L>
std::expected<MediumAccess, Sense> plan_pre_fetch(wire::Bytes raw, const UnitDescription& unit) {
    const auto given = wire::get<L::kBlocks>(layout_of<L::kSize>(raw));
    auto access = plan_synchronize_cache<L>(raw, unit);
    if (access && unit.limits.max_prefetch != 0 && given > unit.limits.max_prefetch) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    return access;
}

using Planned = std::expected<MediumAccess, Sense>;
template Planned plan_synchronize_cache<Cache10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_synchronize_cache<Cache16Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_pre_fetch<Cache10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_pre_fetch<Cache16Cdb>(wire::Bytes, const UnitDescription&);

}  // namespace targe::scsi
