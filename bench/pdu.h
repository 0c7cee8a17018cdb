// The few iSCSI PDUs that a load generator needs. [RFC 7143 11]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::bench {

using Header = std::array<std::byte, 48>;

enum Opcode : std::uint8_t {
    kNopOut = 0x00,
    kCommand = 0x01,
    kLogin = 0x03,
    kDataOut = 0x05,
    kLogout = 0x06,
    kNopIn = 0x20,
    kResponse = 0x21,
    kLoginResponse = 0x23,
    kDataIn = 0x25,
    kLogoutResponse = 0x26,
    kReadyToTransfer = 0x31,
};

/// Puts the low `width` bytes of `value` at `at`, highest first.
inline void put(std::span<std::byte> raw, std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = width; i-- > 0; value >>= 8U) {
        raw[at + i] = static_cast<std::byte>(value & 0xFFU);
    }
}

inline std::uint32_t get32(std::span<const std::byte> raw, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = (value << 8U) | std::to_integer<std::uint32_t>(raw[at + i]);
    }
    return value;
}

inline std::uint8_t get8(std::span<const std::byte> raw, std::size_t at) {
    return std::to_integer<std::uint8_t>(raw[at]);
}

inline std::size_t data_length(std::span<const std::byte> header) {
    return get32(header, 4) & 0xFFFFFFU;
}

inline std::size_t padded(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

}  // namespace targe::bench
