// Logical units of every kind that decides what a command means.
#pragma once

#include "scsi/unit_description.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace targe::fuzz {

[[nodiscard]] inline std::array<scsi::UnitDescription, 6> make_units() {
    std::array<scsi::UnitDescription, 6> units;
    auto& [thick, smallest, thin, removable, largest, limited] = units;
    thick.blocks = 2048;
    smallest.blocks = 1;
    thin.blocks = 2048;
    thin.provisioning = {.managed = true,
                         .unmap = true,
                         .write_same_16 = true,
                         .write_same_10 = true,
                         .unmapped_blocks_read_zero = true};
    thin.limits.max_unmap = 1024;
    thin.limits.max_unmap_descriptors = 3;
    removable.blocks = 256;
    removable.block_size = 4096;
    removable.removable = true;
    removable.volatile_cache = false;
    // 2**62 bytes: no address that a command can name may wrap.
    largest = thin;
    largest.blocks = std::uint64_t{1} << 50U;
    largest.block_size = 4096;
    largest.limits.max_unmap = 0xffff'ffff;
    largest.limits.max_unmap_descriptors = 0xffff;
    limited.blocks = 100'000;
    limited.limits.write_same_of_zero_blocks = false;
    limited.limits.max_compare_and_write = 1;
    limited.limits.max_transfer = 64;
    limited.limits.max_prefetch = 16;
    limited.limits.max_write_same = 8;
    return units;
}

[[nodiscard]] inline const scsi::UnitDescription& some_unit(std::size_t number) {
    static const auto units = make_units();
    return units.at(number % units.size());
}

}  // namespace targe::fuzz
