#include "admin/identity.h"

#include <fmt/format.h>

#include <algorithm>

namespace targe::admin {
namespace {

std::optional<unsigned> digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a' + 10);
    }
    return std::nullopt;
}

std::string hex_of(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    }
    return text;
}

}  // namespace

Identity make_identity(std::span<const std::byte, kIdentityRandomBytes> random) {
    std::string naa = hex_of(random.first<16>());
    naa[0] = '6';  // NAA type; the company identifier begins in the second digit
    naa[2] = '2';  // the low half of its first octet: locally administered, not multicast
    return {.serial = hex_of(random.subspan<16, 8>()), .naa = std::move(naa)};
}

std::optional<std::array<std::byte, 16>> naa_bytes(std::string_view naa) {
    if (!valid_naa(naa)) {
        return std::nullopt;
    }
    std::array<std::byte, 16> bytes{};
    for (std::size_t i = 0; i < naa.size(); ++i) {
        bytes[i / 2] = (bytes[i / 2] << 4U) | static_cast<std::byte>(*digit_of(naa[i]));
    }
    return bytes;
}

bool valid_naa(std::string_view naa) {
    const bool digits = std::ranges::all_of(naa, [](char c) { return digit_of(c).has_value(); });
    if (!digits || naa.empty()) {
        return false;
    }
    const char type = naa.front();
    return type == '6' ? naa.size() == 32 : (type == '2' || type == '3' || type == '5') && naa.size() == 16;
}

}  // namespace targe::admin
