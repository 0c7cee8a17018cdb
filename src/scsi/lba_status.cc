#include "scsi/lba_status.h"

namespace targe::scsi {

void lba_status(std::span<const LbaStatus> runs, ParameterWriter& out) {
    constexpr std::size_t kDescriptor = 16;
    // PARAMETER DATA LENGTH does not count itself, but does count the reserved bytes after it.
    out.u32(static_cast<std::uint32_t>(4 + runs.size() * kDescriptor));
    out.zeroes(4);
    for (const LbaStatus& run : runs) {
        out.u64(run.lba);
        out.u32(run.blocks);
        out.u8(static_cast<std::uint8_t>(run.status));
        out.zeroes(3);
    }
}

}  // namespace targe::scsi
