// GET LBA STATUS parameter data, [SBC-3 r36 5.4].
#pragma once

#include "scsi/parameter_writer.h"

#include <cstdint>
#include <span>

namespace targe::scsi {

/// PROVISIONING STATUS field.
enum class ProvisioningStatus : std::uint8_t { mapped = 0, deallocated = 1, anchored = 2 };

struct LbaStatus {
    std::uint64_t lba;
    std::uint32_t blocks;
    ProvisioningStatus status;
    bool operator==(const LbaStatus&) const = default;
};

/// How many descriptors an allocation length has room for, at least one: the data is cut, not refused.
[[nodiscard]] constexpr std::size_t lba_status_descriptors(std::size_t allocation_length) {
    constexpr std::size_t kHeader = 8;
    constexpr std::size_t kDescriptor = 16;
    return allocation_length < kHeader + kDescriptor ? 1 : (allocation_length - kHeader) / kDescriptor;
}

/// `runs` are adjacent, and the first begins at the LBA that was asked for.
void lba_status(std::span<const LbaStatus> runs, ParameterWriter& out);

}  // namespace targe::scsi
