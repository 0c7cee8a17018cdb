// Big-endian, MSB-first wire fields, named by the coordinates the standards print.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

namespace targe::wire {

using Bytes = std::span<const std::byte>;

/// A field in T10 notation: first byte, number of its most significant bit (7..0), width in bits.
/// RFC 7143 figures number bits from the left; write them here as `7 - n`.
struct Field {
    std::uint16_t byte;
    std::uint8_t msb;
    std::uint8_t width;

    bool operator==(const Field&) const = default;

    [[nodiscard]] constexpr unsigned last_byte() const { return byte + (7U - msb + width - 1U) / 8U; }
    [[nodiscard]] constexpr unsigned lsb() const {
        return (last_byte() - byte + 1U) * 8U - (7U - msb) - width;
    }
    [[nodiscard]] constexpr std::uint64_t mask() const { return ~std::uint64_t{0} >> (64U - width); }
};

consteval Field bits(unsigned byte, unsigned msb, unsigned lsb) {
    return {static_cast<std::uint16_t>(byte), static_cast<std::uint8_t>(msb),
            static_cast<std::uint8_t>(msb - lsb + 1)};
}
consteval Field bit(unsigned byte, unsigned n) {
    return bits(byte, n, n);
}
consteval Field bytes(unsigned first, unsigned last) {
    return {static_cast<std::uint16_t>(first), 7, static_cast<std::uint8_t>((last - first + 1) * 8)};
}

template <unsigned Width>
using UintFor =
    std::conditional_t<(Width <= 8), std::uint8_t,
                       std::conditional_t<(Width <= 16), std::uint16_t,
                                          std::conditional_t<(Width <= 32), std::uint32_t, std::uint64_t>>>;

namespace detail {
template <Field F>
using ByteIndices = std::make_index_sequence<F.last_byte() - F.byte + 1U>;

/// Byte `i` of field F, when `run` holds the field's bytes right-aligned.
template <Field F>
constexpr std::byte byte_of(std::uint64_t run, std::size_t i) {
    return static_cast<std::byte>((run >> (F.last_byte() - F.byte - i) * 8U) & 0xffU);
}
}  // namespace detail

/// Reads one field. Folds to a single load and byte swap where the field is 2, 4 or 8 whole bytes.
template <Field F, std::size_t N>
[[nodiscard]] constexpr auto get(std::span<const std::byte, N> raw) {
    static_assert(N != std::dynamic_extent && F.last_byte() < N, "field lies outside its layout");
    static_assert(F.last_byte() - F.byte < 8U, "field does not fit a 64-bit load");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        std::uint64_t value = 0;
        ((value = (value << 8U) | std::to_integer<std::uint64_t>(raw[F.byte + I])), ...);
        return static_cast<UintFor<F.width>>((value >> F.lsb()) & F.mask());
    }(detail::ByteIndices<F>{});
}

/// Writes one field and leaves its neighbours alone.
template <Field F, std::size_t N>
constexpr void put(std::span<std::byte, N> raw, UintFor<F.width> value) {
    static_assert(N != std::dynamic_extent && F.last_byte() < N, "field lies outside its layout");
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        constexpr std::uint64_t kOwn = F.mask() << F.lsb();
        const std::uint64_t run = (std::uint64_t{value} << F.lsb()) & kOwn;
        ((raw[F.byte + I] = (raw[F.byte + I] & ~detail::byte_of<F>(kOwn, I)) | detail::byte_of<F>(run, I)),
         ...);
    }(detail::ByteIndices<F>{});
}

/// The bits of an N-byte layout that some field owns. Overlapping fields do not compile.
template <std::size_t N>
consteval std::array<std::byte, N> usage_mask(std::initializer_list<Field> fields) {
    std::array<std::byte, N> used{};
    for (const Field f : fields) {
        for (unsigned n = 0; n < f.width; ++n) {
            const unsigned at = 7U - f.msb + n;
            const auto one = static_cast<std::byte>(0x80U >> (at % 8U));
            std::byte& cell = used.at(f.byte + at / 8U);
            if ((cell & one) != std::byte{0}) {
                throw "two fields claim one bit";
            }
            cell |= one;
        }
    }
    return used;
}

}  // namespace targe::wire
