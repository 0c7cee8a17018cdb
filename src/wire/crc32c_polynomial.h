// The arithmetic that both ways to compute a CRC32C rest on: polynomials over bits, most significant first in
// the lowest bit, as the CRC itself is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace targe::wire {

/// x to the power `n` modulo the CRC32C polynomial, bit-reflected.
consteval std::uint32_t power_of_x(std::size_t n) {
    std::uint32_t value = 0x8000'0000U;
    for (; n > 0; --n) {
        value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82f6'3b78U : 0U);
    }
    return value;
}

}  // namespace targe::wire
