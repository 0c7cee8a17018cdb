// What a drive takes at most.
#pragma once

#include <algorithm>
#include <cstdint>

namespace targe::vtl {

/// MAXIMUM BLOCK LENGTH LIMIT, as drives of LTO have it.
inline constexpr std::uint32_t kMaxBlockBytes = 8U << 20U;

/// The end of a partition is announced this part of its capacity before it comes, and at most so many bytes.
inline constexpr std::uint64_t kEarlyWarningPart = 32;
inline constexpr std::uint64_t kMaxEarlyWarningBytes = std::uint64_t{4} << 30U;
/// Who is told has blocks under way, and trailers to write: of a small cartridge it is more, for so many of
/// the largest blocks, but no more than this part of it.
inline constexpr std::uint64_t kEarlyWarningBlocks = 4;
inline constexpr std::uint64_t kEarlyWarningPartOfSmall = 8;

constexpr std::uint64_t early_warning_bytes(std::uint64_t capacity) {
    return std::max(std::min(capacity / kEarlyWarningPartOfSmall, kEarlyWarningBlocks * kMaxBlockBytes),
                    std::min(capacity / kEarlyWarningPart, kMaxEarlyWarningBytes));
}

}  // namespace targe::vtl
