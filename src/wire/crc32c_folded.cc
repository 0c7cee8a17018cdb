#include "wire/crc32c_folded.h"

#include "wire/crc32c_polynomial.h"

#include <immintrin.h>

#include <bit>
#include <cstring>

#define TARGE_FOLDS __attribute__((target("avx2,vpclmulqdq,pclmul,sse4.2")))

namespace targe::wire {

namespace {

/// Multiplies each half of 128 bits so that they stand `Bits` later in the message. The product of two
/// reflected numbers is one bit short, hence the odd powers; the first half is 64 bits ahead of the second.
template <std::size_t Bits>
TARGE_FOLDS __m256i factors() {
    constexpr auto kFirst = std::bit_cast<long long>(std::uint64_t{power_of_x(Bits + 63)} << 32U);
    constexpr auto kSecond = std::bit_cast<long long>(std::uint64_t{power_of_x(Bits - 1)} << 32U);
    return _mm256_set_epi64x(kSecond, kFirst, kSecond, kFirst);
}

TARGE_FOLDS __m256i load(const std::byte* from) {
    __m256i vector{};
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

/// `ahead` moved on, over `next`.
TARGE_FOLDS __m256i onto(__m256i ahead, __m256i factor, __m256i next) {
    const __m256i first = _mm256_clmulepi64_epi128(ahead, factor, 0x00);
    const __m256i second = _mm256_clmulepi64_epi128(ahead, factor, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(first, second), next);
}

/// Where what is folded is copied to on its way, if anywhere: one that knows costs nothing to ask.
struct Nowhere {
    TARGE_FOLDS void put(std::size_t /*at*/, __m256i /*vector*/) const {}
};
struct Copy {
    std::byte* to;
    TARGE_FOLDS void put(std::size_t at, __m256i vector) const {
        std::memcpy(to + at, &vector, sizeof vector);
    }
};

/// What stands at `at` of `bytes`, which goes where `to` says.
template <class To>
TARGE_FOLDS __m256i take(std::span<const std::byte> bytes, std::size_t at, To to) {
    const __m256i vector = load(bytes.data() + at);
    to.put(at, vector);
    return vector;
}

template <class To>
TARGE_FOLDS std::uint32_t fold_to(std::uint32_t state, std::span<const std::byte> bytes, To to) {
    // What came before is a number that is added to the first four bytes.
    __m256i a =
        _mm256_xor_si256(take(bytes, 0, to), _mm256_set_epi64x(0, 0, 0, static_cast<long long>(state)));
    __m256i b = take(bytes, 32, to);
    __m256i c = take(bytes, 64, to);
    __m256i d = take(bytes, 96, to);
    // Four at a time: a multiplication takes several cycles, and one can begin in each.
    const __m256i by_stride = factors<8 * kFoldStride>();
    for (std::size_t at = kFoldStride; at != bytes.size(); at += kFoldStride) {
        a = onto(a, by_stride, take(bytes, at, to));
        b = onto(b, by_stride, take(bytes, at + 32, to));
        c = onto(c, by_stride, take(bytes, at + 64, to));
        d = onto(d, by_stride, take(bytes, at + 96, to));
    }
    const __m256i by_vector = factors<256>();
    const __m256i all = onto(onto(onto(a, by_vector, b), by_vector, c), by_vector, d);
    // The first half of the vector onto the second.
    const __m256i ahead = onto(all, factors<128>(), _mm256_setzero_si256());
    const __m128i last = _mm_xor_si128(_mm256_castsi256_si128(ahead), _mm256_extracti128_si256(all, 1));
    const auto first_half = static_cast<std::uint64_t>(_mm_extract_epi64(last, 0));
    const auto second_half = static_cast<std::uint64_t>(_mm_extract_epi64(last, 1));
    return static_cast<std::uint32_t>(_mm_crc32_u64(_mm_crc32_u64(0, first_half), second_half));
}

}  // namespace

bool can_fold() {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
}

std::uint32_t fold(std::uint32_t state, std::span<const std::byte> bytes) {
    return fold_to(state, bytes, Nowhere{});
}

std::uint32_t fold_and_copy(std::uint32_t state, std::span<const std::byte> from, std::byte* to) {
    return fold_to(state, from, Copy{to});
}

}  // namespace targe::wire
