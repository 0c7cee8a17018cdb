// The mode pages that exist here, as data: MODE SENSE writes them, MODE SELECT checks against them.
#pragma once

#include "scsi/mode_pages.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace targe::scsi {

inline constexpr std::uint8_t kAllModePages = 0x3f;
inline constexpr std::uint8_t kAllModeSubpages = 0xff;
inline constexpr std::size_t kMaxModePageSize = 48;

struct ModePage {
    std::uint8_t code;
    std::uint8_t subpage;
    std::size_t size;  ///< with its header of two bytes, or four where there is a subpage code
    /// What is there with every changeable bit clear.
    std::array<std::byte, kMaxModePageSize> fixed;
    std::optional<CommandSet> only = {};  ///< of units with these commands; nothing: of all

    [[nodiscard]] constexpr std::size_t header_size() const { return subpage == 0 ? 2 : 4; }
};

/// Ascending by page and subpage code; a page that differs by command set is there for each.
[[nodiscard]] std::span<const ModePage> mode_page_table();

/// MM Capabilities and Mechanical Status, and LOCK STATE there, [MMC-6 r2g].
inline constexpr std::uint8_t kCapabilitiesPage = 0x2a;
inline constexpr wire::Field kLockState = wire::bit(6, 1);

/// Whether this unit has the page: one that counts no resources has no thresholds.
[[nodiscard]] bool has_page(const UnitDescription& unit, const ModePage& page);

/// Bits of a page that are not the same in every unit, all in one byte.
struct ModeField {
    std::uint8_t page;
    std::uint8_t subpage;
    wire::Field where;  ///< within the page, its header included
    std::uint8_t (*get)(const ModePages&);
    /// False, and nothing is set, when the standard has no such value.
    bool (*set)(ModePages&, std::uint8_t);
    bool configured = false;   ///< by the administrator: MODE SELECT cannot change it, and nothing keeps it
    std::uint8_t part_of = 0;  ///< the threshold, counted from 1, whose fields are kept together; 0: of none

    [[nodiscard]] constexpr std::byte mask() const {
        return static_cast<std::byte>(where.mask() << where.lsb());
    }
    [[nodiscard]] std::byte bits(const ModePages& pages) const {
        return static_cast<std::byte>(get(pages) << where.lsb());
    }
    [[nodiscard]] std::uint8_t in(wire::Bytes raw) const {
        return static_cast<std::uint8_t>((std::to_integer<unsigned>(raw[where.byte]) >> where.lsb()) &
                                         where.mask());
    }
};
[[nodiscard]] std::span<const ModeField> mode_fields();

/// Whether this unit lets MODE SELECT change the field: a device without a volatile cache has nothing to
/// enable, one without thresholds nothing to report.
[[nodiscard]] bool changeable(const ModeField& field, const UnitDescription& unit);

/// The content of `page`, header included, that says `pages`.
[[nodiscard]] std::array<std::byte, kMaxModePageSize> mode_page(const ModePage& page, const ModePages& pages);

}  // namespace targe::scsi
