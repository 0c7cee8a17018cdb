#include "base/copy_past_caches.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace targe::base {

namespace {

constexpr std::size_t kLine = 64;  // of a cache: only a whole one goes to memory in one piece
constexpr std::size_t kVector = sizeof(__m128i);

void stream_line(std::byte* to, const std::byte* from) {
    for (std::size_t at = 0; at < kLine; at += kVector) {
        __m128i vector{};
        std::memcpy(&vector, from + at, kVector);
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), vector);
    }
}

}  // namespace

void copy_past_caches(std::byte* to, const std::byte* from, std::size_t size) {
    const std::size_t before = (kLine - reinterpret_cast<std::uintptr_t>(to) % kLine) % kLine;
    const std::size_t first = std::min(size, before);
    std::memcpy(to, from, first);
    std::size_t at = first;
    for (; size - at >= kLine; at += kLine) {
        stream_line(to + at, from + at);
    }
    std::memcpy(to + at, from + at, size - at);
}

}  // namespace targe::base
