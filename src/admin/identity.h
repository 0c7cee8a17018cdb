// The names by which initiators know a logical unit again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::admin {

/// Made once, then as lasting as the data: multipath and clusters take two units with one identity for one.
struct Identity {
    std::string serial;  ///< unit serial number, printable ASCII
    std::string naa;     ///< NAA designator: 16 or 32 lower-case hexadecimal digits
    bool operator==(const Identity&) const = default;
};

constexpr std::size_t kIdentityRandomBytes = 24;

/// Serial: 16 hexadecimal digits. NAA: type 6, IEEE Registered Extended [SPC-4 r37 7.8.6]. Targe owns no
/// company identifier, and takes nobody's: the first octet of the company identifier has the bit of locally
/// administered addresses set and lies in the quadrant (second digit 2) that IEEE 802c leaves to local
/// administrators, and all other bits are random. NAA type 3, locally assigned, would be truer to the letter
/// but has 60 bits and is not taken by every initiator's multipath; type 6 is.
[[nodiscard]] Identity make_identity(std::span<const std::byte, kIdentityRandomBytes> random);

/// The designator's bytes, 8 or 16; nothing when `naa` is not a valid NAA designator (type 2, 3, 5 or 6).
[[nodiscard]] std::optional<std::array<std::byte, 16>> naa_bytes(std::string_view naa);
[[nodiscard]] bool valid_naa(std::string_view naa);

}  // namespace targe::admin
