// What one command may ask of a logical unit: announced in the Block Limits VPD page and enforced by the
// commands, from the same value.
#pragma once

#include <cstdint>
#include <optional>

namespace targe::scsi {

/// The fields of the Block Limits VPD page, in logical blocks, [SBC-3 r36 6.5.3].
struct BlockLimits {
    bool write_same_of_zero_blocks = true;  ///< WSNZ clear: NUMBER OF LOGICAL BLOCKS 0 means to the end
    std::uint8_t max_compare_and_write = 255;
    std::uint16_t optimal_transfer_granularity = 0;  ///< 0: not reported
    std::uint32_t max_transfer = 0;                  ///< 0: no limit
    std::uint32_t optimal_transfer = 0;              ///< 0: not reported
    std::uint32_t max_prefetch = 0;                  ///< 0: no limit
    std::uint32_t max_unmap = 0;                     ///< in all descriptors of one UNMAP; 0: no UNMAP
    std::uint32_t max_unmap_descriptors = 0;         ///< 0: no UNMAP
    std::uint32_t optimal_unmap_granularity = 0;     ///< 0: not reported
    std::optional<std::uint32_t> unmap_granularity_alignment = {};
    std::uint64_t max_write_same = 0;       ///< 0: no limit
    std::uint32_t max_atomic_transfer = 0;  ///< without ATOMIC BOUNDARY; 0: no WRITE ATOMIC
    bool operator==(const BlockLimits&) const = default;
};

}  // namespace targe::scsi
