// The disk as it is whether or not a process uses it: what can be read, and what would outlive the power.
#pragma once

#include "sim/world.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace targe::sim {

/// What fills a block, eight bytes at a time: which command wrote it, and which of its blocks this is. 0 is a
/// block that was never written, or was unmapped.
using Stamp = std::uint64_t;

inline constexpr std::uint32_t kBlockSize = 512;
inline constexpr std::size_t kWordsPerBlock = kBlockSize / sizeof(Stamp);

[[nodiscard]] constexpr Stamp stamp_of(std::uint64_t task, std::uint64_t block) {
    return task << 8U | block;
}
[[nodiscard]] constexpr std::uint64_t task_of(Stamp stamp) {
    return stamp >> 8U;
}
void fill(std::span<std::byte> block, Stamp stamp);
/// The word of `block` at `index`.
[[nodiscard]] Stamp word(std::span<const std::byte> block, std::size_t index);
/// Whether it is all of one stamp.
[[nodiscard]] bool is_whole(std::span<const std::byte> block);

class Medium {
public:
    explicit Medium(std::uint64_t blocks) : data_(blocks * kBlockSize), blocks_(blocks) {}

    [[nodiscard]] std::uint64_t blocks() const { return blocks_.size(); }
    [[nodiscard]] std::span<std::byte> block(std::uint64_t lba) {
        return std::span{data_}.subspan(lba * kBlockSize, kBlockSize);
    }
    [[nodiscard]] Stamp stamp(std::uint64_t lba) { return word(block(lba), 0); }
    /// Into the cache.
    void put(std::uint64_t lba, Stamp stamp);

    /// What was put before flush_to() is told this number.
    [[nodiscard]] std::uint64_t written() const { return written_; }
    /// Makes sure of everything put before.
    void flush_to(std::uint64_t written);
    /// Makes sure of what the block holds now.
    void flush(std::uint64_t lba);
    /// What a power cut could undo: stamps put since the block was last made sure of, the newest last.
    [[nodiscard]] std::vector<Stamp> unsure(std::uint64_t lba) const;

    void cut_power(World& world);

private:
    struct Version {
        std::uint64_t number;
        Stamp stamp;
    };
    struct Block {
        Stamp sure = 0;
        std::vector<Version> since = {};
    };
    std::vector<std::byte> data_;
    std::vector<Block> blocks_;
    std::uint64_t written_ = 0;
};

}  // namespace targe::sim
