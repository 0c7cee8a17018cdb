#include "scsi/mode_page_table.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace targe::scsi {
namespace {

struct At {
    std::size_t byte;
    std::uint8_t value;
};

consteval ModePage page(std::uint8_t code, std::uint8_t length, std::initializer_list<At> values) {
    ModePage made{.code = code, .subpage = 0, .size = length + std::size_t{2}, .fixed = {}};
    made.fixed[0] = std::byte{code};
    made.fixed[1] = std::byte{length};
    for (const At at : values) {
        made.fixed.at(at.byte) = std::byte{at.value};
    }
    return made;
}

consteval ModePage subpage(std::uint8_t code, std::uint8_t number, std::uint8_t length,
                           std::initializer_list<At> values) {
    constexpr std::uint8_t kSubpageFormat = 0x40;  // SPF
    ModePage made{.code = code, .subpage = number, .size = length + std::size_t{4}, .fixed = {}};
    made.fixed[0] = std::byte{code} | std::byte{kSubpageFormat};
    made.fixed[1] = std::byte{number};
    made.fixed[3] = std::byte{length};
    for (const At at : values) {
        made.fixed.at(at.byte) = std::byte{at.value};
    }
    return made;
}

constexpr std::uint8_t kCaching = 0x08;
constexpr std::uint8_t kControl = 0x0a;

constexpr auto kTable = std::to_array<ModePage>({
    // Read-Write Error Recovery: AWRE and ARRE, for what is below replaces bad blocks by itself.
    page(0x01, 0x0a, {{.byte = 2, .value = 0xc0}}),
    // Disconnect-Reconnect: iSCSI has no use for its fields.
    page(0x02, 0x0e, {}),
    page(kCaching, 0x12, {}),
    // Control: TST 001b, a task set for each nexus, so that ORDERED tasks of one need not wait for another's;
    // QUEUE ALGORITHM MODIFIER 1h, since SIMPLE tasks may be reordered.
    page(kControl, 0x0a, {{2, 0x20}, {3, 0x10}}),
    // Control Extension: MAXIMUM SENSE DATA LENGTH.
    subpage(kControl, 0x01, 0x1c, {{.byte = 6, .value = kMaxSenseBytes}}),
    // Informational Exceptions Control: DEXCPT, for none are reported.
    page(0x1c, 0x0a, {{.byte = 2, .value = 0x08}}),
});
static_assert(std::ranges::is_sorted(kTable, {},
                                     [](const ModePage& p) { return std::pair{p.code, p.subpage}; }));

constexpr auto kBits = std::to_array<ModeBit>({
    {.page = kCaching, .byte = 2, .bit = 2, .value = &ModePages::write_cache_enabled},
    {.page = kControl, .byte = 2, .bit = 2, .value = &ModePages::descriptor_sense},
    {.page = kControl, .byte = 4, .bit = 3, .value = &ModePages::software_write_protect},
});

}  // namespace

std::span<const ModePage> mode_page_table() {
    return kTable;
}

std::span<const ModeBit> mode_bits() {
    return kBits;
}

bool changeable(const ModeBit& bit, const UnitDescription& unit) {
    return bit.value != &ModePages::write_cache_enabled || unit.volatile_cache;
}

}  // namespace targe::scsi
