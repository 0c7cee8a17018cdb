#include "wire/crc32c.h"

#include "wire/crc32c_folded.h"
#include "wire/crc32c_polynomial.h"

#include <nmmintrin.h>
#include <wmmintrin.h>

#include <algorithm>
#include <cstring>

namespace targe::wire {

namespace {

/// `crc` as it will be after `Bits` more zero bits. The product of two reflected numbers is one bit short,
/// and the CRC instruction that reduces it multiplies by x^32, hence the 33.
template <std::size_t Bits>
std::uint64_t shifted(std::uint64_t crc) {
    constexpr std::uint32_t kFactor = power_of_x(Bits - 33);
    const __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)), _mm_cvtsi64_si128(kFactor), 0);
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

std::uint64_t load(const std::byte* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// The instruction has a latency of three cycles and a throughput of one, so three streams run side by side.
template <std::size_t StreamBytes>
std::uint64_t three_streams(std::uint64_t crc, const std::byte*& at, std::size_t& size) {
    while (size >= 3 * StreamBytes) {
        std::uint64_t first = crc;
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t i = 0; i < StreamBytes; i += 8) {
            first = _mm_crc32_u64(first, load(at + i));
            second = _mm_crc32_u64(second, load(at + StreamBytes + i));
            third = _mm_crc32_u64(third, load(at + 2 * StreamBytes + i));
        }
        crc = third ^ _mm_crc32_u64(0, shifted<16 * StreamBytes>(first) ^ shifted<8 * StreamBytes>(second));
        at += 3 * StreamBytes;
        size -= 3 * StreamBytes;
    }
    return crc;
}

}  // namespace

std::uint32_t crc32c_in_streams(std::uint32_t crc, std::span<const std::byte> bytes) {
    const std::byte* at = bytes.data();
    std::size_t size = bytes.size();
    std::uint64_t value = ~crc;
    value = three_streams<1024>(value, at, size);
    value = three_streams<128>(value, at, size);
    for (; size >= 8; at += 8, size -= 8) {
        value = _mm_crc32_u64(value, load(at));
    }
    for (; size > 0; ++at, --size) {
        value = _mm_crc32_u8(static_cast<std::uint32_t>(value), std::to_integer<unsigned char>(*at));
    }
    return ~static_cast<std::uint32_t>(value);
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) {
    static const bool folds = can_fold();
    if (bytes.size() >= kFoldFrom && folds) {
        const std::size_t folded = bytes.size() - bytes.size() % kFoldStride;
        crc = ~fold(~crc, bytes.first(folded));
        bytes = bytes.subspan(folded);
    }
    return crc32c_in_streams(crc, bytes);
}

std::uint32_t copy_with_crc32c(std::uint32_t crc, std::span<const std::byte> from, std::byte* to) {
    static const bool folds = can_fold();
    if (from.size() >= kFoldFrom && folds) {
        const std::size_t folded = from.size() - from.size() % kFoldStride;
        crc = ~fold_and_copy(~crc, from.first(folded), to);
        from = from.subspan(folded);
        to += folded;
    }
    constexpr std::size_t kPiece = 4096;  // small enough to be at hand still when its CRC is made
    while (!from.empty()) {
        const std::size_t size = std::min(from.size(), kPiece);
        std::memcpy(to, from.data(), size);
        crc = crc32c_in_streams(crc, {to, size});
        from = from.subspan(size);
        to += size;
    }
    return crc;
}

}  // namespace targe::wire
