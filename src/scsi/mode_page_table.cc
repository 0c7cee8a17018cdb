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
    // Control: TST 001b, a task set for each nexus, so that ORDERED tasks of one need not wait for another's.
    page(kControl, 0x0a, {{.byte = 2, .value = 0x20}}),
    // Control Extension: TCMOS and SCSIP, for the unit's clock is the host's until SET TIMESTAMP says
    // otherwise;
    // MAXIMUM SENSE DATA LENGTH.
    subpage(kControl, 0x01, 0x1c, {{4, 0x06}, {6, kMaxSenseBytes}}),
    // Informational Exceptions Control: DEXCPT, for none are reported.
    page(0x1c, 0x0a, {{.byte = 2, .value = 0x08}}),
});
static_assert(std::ranges::is_sorted(kTable, {},
                                     [](const ModePage& p) { return std::pair{p.code, p.subpage}; }));

/// A field that is one bit.
template <bool ModePages::* Value>
consteval ModeField flag(std::uint8_t page, unsigned byte, unsigned bit) {
    return {.page = page,
            .subpage = 0,
            .where = wire::Field{static_cast<std::uint16_t>(byte), static_cast<std::uint8_t>(bit), 1},
            .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.*Value); },
            .set =
                [](ModePages& pages, std::uint8_t value) {
                    pages.*Value = value != 0;
                    return true;
                }};
}

/// A field that names one of `Values`; any other value is refused.
template <auto Value, auto... Values>
consteval ModeField choice(std::uint8_t page, wire::Field where) {
    return {
        .page = page,
        .subpage = 0,
        .where = where,
        .get = [](const ModePages& pages) { return static_cast<std::uint8_t>(pages.*Value); },
        .set =
            [](ModePages& pages, std::uint8_t value) {
                bool known = false;
                ((value == static_cast<std::uint8_t>(Values) ? (pages.*Value = Values, known = true) : false),
                 ...);
                return known;
            }};
}

using Reordering = QueueAlgorithm;
using Errors = QueueErrorManagement;
using Interlock = UnitAttentionInterlock;

constexpr auto kFields = std::to_array<ModeField>({
    flag<&ModePages::write_cache_enabled>(kCaching, 2, 2),
    flag<&ModePages::task_management_functions_only>(kControl, 2, 4),
    flag<&ModePages::descriptor_sense>(kControl, 2, 2),
    choice<&ModePages::queue_algorithm, Reordering::restricted_reordering,
           Reordering::unrestricted_reordering>(kControl, wire::bits(3, 7, 4)),
    choice<&ModePages::queue_error_management, Errors::none, Errors::every_task, Errors::tasks_of_this_nexus>(
        kControl, wire::bits(3, 2, 1)),
    choice<&ModePages::unit_attention_interlock, Interlock::clear, Interlock::keep,
           Interlock::keep_and_establish>(kControl, wire::bits(4, 5, 4)),
    flag<&ModePages::software_write_protect>(kControl, 4, 3),
    flag<&ModePages::task_aborted_status>(kControl, 5, 6),
});

}  // namespace

std::span<const ModePage> mode_page_table() {
    return kTable;
}

std::span<const ModeField> mode_fields() {
    return kFields;
}

bool changeable(const ModeField& field, const UnitDescription& unit) {
    return field.page != kCaching || unit.volatile_cache;
}

std::array<std::byte, kMaxModePageSize> mode_page(const ModePage& page, const ModePages& pages) {
    auto bytes = page.fixed;
    for (const ModeField& field : kFields) {
        if (field.page == page.code && field.subpage == page.subpage) {
            bytes.at(field.where.byte) |= field.bits(pages);
        }
    }
    return bytes;
}

}  // namespace targe::scsi
