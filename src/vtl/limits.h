// What a drive takes at most.
#pragma once

#include <cstdint>

namespace targe::vtl {

/// MAXIMUM BLOCK LENGTH LIMIT, as drives of LTO have it.
inline constexpr std::uint32_t kMaxBlockBytes = 8U << 20U;

/// The end of a partition is announced this part of its capacity before it comes, and at most so many bytes.
inline constexpr std::uint64_t kEarlyWarningPart = 32;
inline constexpr std::uint64_t kMaxEarlyWarningBytes = std::uint64_t{4} << 30U;

constexpr std::uint64_t early_warning_bytes(std::uint64_t capacity) {
    return capacity / kEarlyWarningPart < kMaxEarlyWarningBytes ? capacity / kEarlyWarningPart
                                                                : kMaxEarlyWarningBytes;
}

}  // namespace targe::vtl
