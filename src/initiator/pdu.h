// The few iSCSI PDUs that a load generator needs, [RFC 7143 11]. Its own, and not those of `iscsi`: what both
// ends misread alike, neither would find.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace targe::initiator {

inline constexpr std::size_t kHeaderSize = 48;
using Header = std::array<std::byte, kHeaderSize>;

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
    kAsyncMessage = 0x32,
    kReject = 0x3f,
};

inline constexpr std::uint32_t kNoTag = 0xffff'ffff;

/// Puts the low `width` bytes of `value` at `at`, highest first.
inline void put(std::span<std::byte> raw, std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = width; i-- > 0; value >>= 8U) {
        raw[at + i] = static_cast<std::byte>(value & 0xFFU);
    }
}

/// The same for whole words, as one store.
inline void put32(std::byte* header, std::size_t at, std::uint32_t value) {
    const std::uint32_t raw = std::byteswap(value);
    std::memcpy(header + at, &raw, sizeof raw);
}
inline void put64(std::byte* header, std::size_t at, std::uint64_t value) {
    const std::uint64_t raw = std::byteswap(value);
    std::memcpy(header + at, &raw, sizeof raw);
}
static_assert(std::endian::native == std::endian::little);

inline std::uint32_t get32(const std::byte* raw, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, raw + at, sizeof value);
    return std::byteswap(value);
}
inline std::uint64_t get64(const std::byte* raw, std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, raw + at, sizeof value);
    return std::byteswap(value);
}
inline std::uint8_t get8(const std::byte* raw, std::size_t at) {
    return std::to_integer<std::uint8_t>(raw[at]);
}
inline std::uint32_t get32(std::span<const std::byte> raw, std::size_t at) {
    return get32(raw.data(), at);
}
inline std::uint8_t get8(std::span<const std::byte> raw, std::size_t at) {
    return get8(raw.data(), at);
}

/// Of a header: DataSegmentLength.
inline std::size_t data_length(const std::byte* header) {
    return get32(header, 4) & 0xFFFFFFU;
}
inline std::size_t data_length(std::span<const std::byte> header) {
    return data_length(header.data());
}

constexpr std::size_t padded(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

}  // namespace targe::initiator
