// CRC32C, the digest of iSCSI, [RFC 7143 13.1].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::wire {

/// The CRC of what `crc` was made of followed by `bytes`; 0 is the CRC of nothing. Needs SSE4.2 and PCLMUL.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes);
/// The CRC of what `crc` was made of followed by a copy of `from`, which is made at `to`; of the copy, even
/// where `from` changes meanwhile.
[[nodiscard]] std::uint32_t copy_with_crc32c(std::uint32_t crc, std::span<const std::byte> from,
                                             std::byte* to);
/// The same as every processor computes it that Targe runs on; crc32c() folds where it can.
[[nodiscard]] std::uint32_t crc32c_in_streams(std::uint32_t crc, std::span<const std::byte> bytes);

}  // namespace targe::wire
