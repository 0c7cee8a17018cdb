#include "scsi/verify.h"

#include "scsi/cdb.h"

#include <cstdint>

namespace targe::scsi {
namespace {

constexpr std::uint8_t kReservedByteCheck = 0b10;

/// Everything but how much data-out there is.
template <class L>
std::expected<MediumAccess, Sense> plan_range(wire::Bytes raw, const UnitDescription& unit) {
    const auto cdb = layout_of<L::kSize>(raw);
    // No protection information is kept, so only 000b can be honoured.
    if (wire::get<L::kProtect>(cdb) != 0) {
        return std::unexpected{invalid_field(L::kProtect)};
    }
    const std::uint8_t byte_check = wire::get<L::kByteCheck>(cdb);
    if (byte_check == kReservedByteCheck) {
        return std::unexpected{invalid_field(L::kByteCheck)};
    }
    const MediumAccess access{.lba = wire::get<L::kLba>(cdb),
                              .blocks = wire::get<L::kBlocks>(cdb),
                              .byte_check = static_cast<ByteCheck>(byte_check),
                              .dpo = wire::get<L::kDpo>(cdb) != 0,
                              .group = wire::get<L::kGroup>(cdb)};
    if (const auto refused = beyond_medium(access.lba, access.blocks, unit)) {
        return std::unexpected{*refused};
    }
    if (unit.limits.max_transfer != 0 && access.blocks > unit.limits.max_transfer) {
        return std::unexpected{invalid_field(L::kBlocks)};
    }
    return access;
}

/// A VERIFY of no blocks transfers nothing, whatever BYTCHK says.
std::uint64_t blocks_to_compare(const MediumAccess& access) {
    switch (access.byte_check) {
        case ByteCheck::medium_only:
            return 0;
        case ByteCheck::every_block:
            return access.blocks;
        case ByteCheck::one_block_for_all:
            return access.blocks == 0 ? 0 : 1;
    }
    __builtin_unreachable();
}

}  // namespace

template <class L>
std::expected<MediumAccess, Sense> plan_verify(wire::Bytes cdb, const UnitDescription& unit) {
    auto access = plan_range<L>(cdb, unit);
    if (access) {
        access->data_out_bytes = blocks_to_compare(*access) * unit.block_size;
    }
    return access;
}

template <class L>
std::expected<MediumAccess, Sense> plan_write_and_verify(wire::Bytes cdb, const UnitDescription& unit) {
    auto access = plan_range<L>(cdb, unit);
    if (access) {
        if (access->byte_check == ByteCheck::one_block_for_all) {
            return std::unexpected{invalid_field(L::kByteCheck)};
        }
        access->data_out_bytes = access->blocks * unit.block_size;
    }
    return access;
}

using Planned = std::expected<MediumAccess, Sense>;
template Planned plan_verify<Verify10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_verify<Verify12Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_verify<Verify16Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write_and_verify<Verify10Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write_and_verify<Verify12Cdb>(wire::Bytes, const UnitDescription&);
template Planned plan_write_and_verify<Verify16Cdb>(wire::Bytes, const UnitDescription&);

}  // namespace targe::scsi
