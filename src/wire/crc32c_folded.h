// CRC32C by carry-less multiplication of whole vectors, for processors that have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::wire {

/// The least that folding is worth, and what it takes at a time, in bytes.
inline constexpr std::size_t kFoldFrom = 256;
inline constexpr std::size_t kFoldStride = 128;

/// Whether this processor has the instructions: AVX2 and VPCLMULQDQ.
[[nodiscard]] bool can_fold();

/// The state of the CRC, which is its complement, after `bytes`: one kFoldStride or several.
/// Only where can_fold().
[[nodiscard]] std::uint32_t fold(std::uint32_t state, std::span<const std::byte> bytes);
/// The same, and copies them to `to`, which has room for them and does not overlap them, on the way: each is
/// read once, and the CRC is that of the copy even where the bytes change meanwhile.
[[nodiscard]] std::uint32_t fold_and_copy(std::uint32_t state, std::span<const std::byte> from,
                                          std::byte* to);

}  // namespace targe::wire
