#include "sim/medium.h"

#include <algorithm>
#include <cstring>

namespace targe::sim {

void fill(std::span<std::byte> block, Stamp stamp) {
    for (std::size_t at = 0; at < block.size(); at += sizeof stamp) {
        std::memcpy(block.data() + at, &stamp, sizeof stamp);
    }
}

Stamp word(std::span<const std::byte> block, std::size_t index) {
    Stamp stamp = 0;
    std::memcpy(&stamp, block.data() + index * sizeof stamp, sizeof stamp);
    return stamp;
}

bool is_whole(std::span<const std::byte> block) {
    return std::memcmp(block.data(), block.data() + sizeof(Stamp), block.size() - sizeof(Stamp)) == 0;
}

void Medium::put(std::uint64_t lba, Stamp stamp) {
    blocks_[lba].since.push_back({++written_, stamp});
    fill(block(lba), stamp);
}

void Medium::flush_to(std::uint64_t written) {
    for (Block& block : blocks_) {
        const auto later = std::ranges::find_if(
            block.since, [written](const Version& version) { return version.number > written; });
        if (later != block.since.begin()) {
            block.sure = std::prev(later)->stamp;
            block.since.erase(block.since.begin(), later);
        }
    }
}

void Medium::flush(std::uint64_t lba) {
    blocks_[lba].sure = stamp(lba);
    blocks_[lba].since.clear();
}

std::vector<Stamp> Medium::unsure(std::uint64_t lba) const {
    std::vector<Stamp> stamps;
    for (const Version& version : blocks_[lba].since) {
        stamps.push_back(version.stamp);
    }
    return stamps;
}

void Medium::cut_power(World& world) {
    for (std::uint64_t lba = 0; lba < blocks_.size(); ++lba) {
        Block& block = blocks_[lba];
        if (block.since.empty()) {
            continue;
        }
        const std::uint64_t choice = world.below(block.since.size() + 1);
        block.sure = choice == 0 ? block.sure : block.since[choice - 1].stamp;
        block.since.clear();
        fill(this->block(lba), block.sure);
    }
}

}  // namespace targe::sim
