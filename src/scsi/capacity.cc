#include "scsi/capacity.h"

#include <limits>

namespace targe::scsi {
namespace {

std::uint64_t last_lba(const UnitDescription& unit) {
    return unit.blocks == 0 ? 0 : unit.blocks - 1;
}

}  // namespace

void read_capacity_10(const UnitDescription& unit, ParameterWriter& out) {
    constexpr std::uint32_t kDoesNotFit = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t last = last_lba(unit);
    out.u32(last < kDoesNotFit ? static_cast<std::uint32_t>(last) : kDoesNotFit);
    out.u32(unit.block_size);
}

void read_capacity_16(const UnitDescription& unit, ParameterWriter& out) {
    out.u64(last_lba(unit));
    out.u32(unit.block_size);
    out.u8(0);  // no protection information
    out.u8(unit.physical_block_exponent & 0x0fU);
    out.u8(static_cast<std::uint8_t>(
        (unit.provisioning.managed ? 0x80U : 0U) |
        (unit.provisioning.managed && unit.provisioning.unmapped_blocks_read_zero ? 0x40U : 0U)));
    out.u8(0);  // the first block is aligned
    out.zeroes(32 - 16);
}

}  // namespace targe::scsi
