// Opening what a path names. Only for open().
#pragma once

#include "device/open.h"

#include <bit>

namespace targe::device {

/// What the configuration says of the physical block, or else what the store says, as log2 of logical blocks.
[[nodiscard]] inline std::uint8_t physical_block_exponent(const DeviceConfig& config,
                                                          std::uint32_t of_the_store) {
    const std::uint32_t physical = config.physical_block_size.value_or(of_the_store);
    return physical <= config.block_size
               ? std::uint8_t{0}
               : static_cast<std::uint8_t>(std::bit_width(physical / config.block_size) - 1);
}

/// A disk, or what is in a drive: StoreSettings::disc.
enum class FileUse : bool { disk, disc };

[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open_file_device(const DeviceConfig& config,
                                                                                 SpaceTrials& trials,
                                                                                 FileUse use = FileUse::disk);
[[nodiscard]] std::expected<std::unique_ptr<Device>, OpenError> open_block_device(const DeviceConfig& config);

}  // namespace targe::device
