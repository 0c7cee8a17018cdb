// The mode pages that exist here, as data: MODE SENSE writes them, MODE SELECT checks against them.
#pragma once

#include "scsi/mode_pages.h"
#include "scsi/unit_description.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::scsi {

inline constexpr std::uint8_t kAllModePages = 0x3f;
inline constexpr std::uint8_t kAllModeSubpages = 0xff;
inline constexpr std::size_t kMaxModePageSize = 32;

struct ModePage {
    std::uint8_t code;
    std::uint8_t subpage;
    std::size_t size;  ///< with its header of two bytes, or four where there is a subpage code
    /// What is there with every changeable bit clear.
    std::array<std::byte, kMaxModePageSize> fixed;

    [[nodiscard]] constexpr std::size_t header_size() const { return subpage == 0 ? 2 : 4; }
};

/// Ascending by page and subpage code.
[[nodiscard]] std::span<const ModePage> mode_page_table();

/// A bit that MODE SELECT may change.
struct ModeBit {
    std::uint8_t page;
    std::uint8_t byte;
    std::uint8_t bit;
    bool ModePages::* value;
};
[[nodiscard]] std::span<const ModeBit> mode_bits();

/// Whether this unit lets the bit be changed: a device without a volatile cache has nothing to enable.
[[nodiscard]] bool changeable(const ModeBit& bit, const UnitDescription& unit);

}  // namespace targe::scsi
