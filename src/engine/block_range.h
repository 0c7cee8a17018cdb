// Blocks of a unit, one behind another.
#pragma once

#include <cstdint>

namespace targe::engine {

struct BlockRange {
    std::uint64_t lba = 0;
    std::uint64_t blocks = 0;
    [[nodiscard]] bool overlaps(const BlockRange& other) const {
        return lba < other.lba + other.blocks && other.lba < lba + blocks;
    }
};

}  // namespace targe::engine
