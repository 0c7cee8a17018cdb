// PRE-FETCH and SYNCHRONIZE CACHE, [SBC-3 r36]: no data, and zero blocks mean "to the end of the medium".
#pragma once

#include "scsi/medium_access.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>

namespace targe::scsi {

/// PRE-FETCH (10) and SYNCHRONIZE CACHE (10).
struct Cache10Cdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kImmediate = wire::bit(1, 1);  ///< IMMED
    static constexpr wire::Field kLba = wire::bytes(2, 5);
    static constexpr wire::Field kGroup = wire::bits(6, 4, 0);
    static constexpr wire::Field kBlocks = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmediate, kLba, kGroup, kBlocks});
};

/// PRE-FETCH (16) and SYNCHRONIZE CACHE (16).
struct Cache16Cdb {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kImmediate = wire::bit(1, 1);  ///< IMMED
    static constexpr wire::Field kLba = wire::bytes(2, 9);
    static constexpr wire::Field kBlocks = wire::bytes(10, 13);
    static constexpr wire::Field kGroup = wire::bits(14, 4, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kImmediate, kLba, kBlocks, kGroup});
};

/// SYNCHRONIZE CACHE had a bit to spare non-volatile caches, SYNC_NV, obsolete since. Initiators still set
/// it; there is no such cache here, so it changes nothing.
struct SynchronizeCache10Cdb : Cache10Cdb {
    static constexpr wire::Field kSyncNv = wire::bit(1, 2);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kSyncNv, kImmediate, kLba, kGroup, kBlocks});
};
struct SynchronizeCache16Cdb : Cache16Cdb {
    static constexpr wire::Field kSyncNv = wire::bit(1, 2);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kSyncNv, kImmediate, kLba, kBlocks, kGroup});
};

/// `Layout` is one of the first two above. MAXIMUM PREFETCH LENGTH holds for a length that is given; one that
/// reaches to the end of the medium is for the unit to cut.
template <class Layout>
std::expected<MediumAccess, Sense> plan_pre_fetch(wire::Bytes cdb, const UnitDescription& unit);
template <class Layout>
std::expected<MediumAccess, Sense> plan_synchronize_cache(wire::Bytes cdb, const UnitDescription& unit);

}  // namespace targe::scsi
