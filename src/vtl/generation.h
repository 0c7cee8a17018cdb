// The generations of LTO: what a drive and a cartridge of each say of themselves, and which go together.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace targe::vtl {

struct Generation {
    std::uint8_t number;    ///< the n of LTO-n
    std::string_view name;  ///< "LTO-6"
    std::uint8_t density;   ///< primary density code
    std::uint32_t bits_per_mm;
    std::uint16_t tracks;
    std::uint64_t native_bytes;  ///< capacity of a cartridge without compression
    std::uint8_t medium_type;    ///< of a cartridge in the mode parameter header
    std::uint8_t worm_medium_type;
    std::string_view density_name;    ///< "U-616"
    std::string_view description;     ///< "Ultrium 6/16T"
    std::string_view product;         ///< of a drive, as backup software knows it
    std::string_view barcode_suffix;  ///< of a label: "L6"
    std::string_view worm_suffix;     ///< of a WORM cartridge: "LX"
    std::uint8_t max_partitions;
    std::uint8_t oldest_written;  ///< generation of the oldest cartridge that a drive writes
    std::uint8_t oldest_read;
};

/// LTO-5 to LTO-9, ascending.
[[nodiscard]] std::span<const Generation> generations();
/// By its name or its number, or nothing: "LTO-6", "lto6", "6".
[[nodiscard]] const Generation* find_generation(std::string_view text);
[[nodiscard]] const Generation* find_generation(std::uint8_t number);

}  // namespace targe::vtl
