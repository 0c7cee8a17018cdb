#include "scsi/vital_product_data.h"

#include "scsi/command_table.h"
#include "scsi/mode_page_table.h"
#include "scsi/sense.h"

#include <algorithm>
#include <array>
#include <span>

namespace targe::scsi {
namespace {

void write_unit_serial_number(const UnitDescription& unit, const PortDescription& /*port*/,
                              ParameterWriter& out) {
    out.characters(unit.identity.serial);
}

/// How long it takes to read the medium at the rate of an ordinary disk: more than that is not known.
std::uint16_t extended_self_test_minutes(const UnitDescription& unit) {
    constexpr std::uint64_t kBytesPerMinute = std::uint64_t{60} * 200 << 20U;
    constexpr std::uint64_t kMost = 0xffff;
    const std::uint64_t blocks_per_minute = kBytesPerMinute / unit.block_size;
    return static_cast<std::uint16_t>(std::min(kMost, unit.blocks / blocks_per_minute + 1));
}

/// [SPC-4 r37 7.8.7].
void write_extended_inquiry_data(const UnitDescription& unit, const PortDescription& /*port*/,
                                 ParameterWriter& out) {
    constexpr unsigned kGroups = 0x10;                 // GROUP_SUP
    constexpr unsigned kPriorities = 0x08;             // PRIOR_SUP
    constexpr std::uint8_t kHeadOrderedSimple = 0x07;  // HEADSUP, ORDSUP, SIMPSUP
    constexpr std::uint8_t kVolatileCache = 0x01;      // V_SUP
    constexpr std::uint8_t kNexusLossClears = 0x01;    // LUICLR
    constexpr std::size_t kPageEnd = 64;
    const std::size_t begin = out.size() - 4;
    out.u8(0);
    // A drive of discs has neither group numbers nor self-tests.
    const bool disk = unit.type == DeviceType::disk;
    out.u8(static_cast<std::uint8_t>((disk ? kGroups : 0U) | kPriorities | kHeadOrderedSimple));
    out.u8(unit.volatile_cache ? kVolatileCache : 0);
    out.u8(kNexusLossClears);
    out.zeroes(10 - 8);
    out.u16(disk ? extended_self_test_minutes(unit) : 0);
    out.u8(0);
    out.u8(kMaxSenseBytes);
    out.zeroes(kPageEnd - (out.size() - begin));
}

/// The Mode Page Policy page, [SPC-4 r37 7.8.9]: each page is the unit's own and the same for every nexus,
/// but Disconnect-Reconnect, of which all units of a port have the same.
void write_mode_page_policy(const UnitDescription& unit, const PortDescription& /*port*/,
                            ParameterWriter& out) {
    constexpr std::uint8_t kDisconnectReconnect = 0x02;
    constexpr std::uint8_t kSharedByUnits = 0x80;  // MLUS
    constexpr std::uint8_t kShared = 0x00;         // MODE PAGE POLICY
    for (const ModePage& page : mode_page_table()) {
        if (has_page(unit, page)) {
            out.u8(page.code);
            out.u8(page.subpage);
            out.u8(page.code == kDisconnectReconnect ? kSharedByUnits | kShared : kShared);
            out.u8(0);
        }
    }
}

/// [SBC-3 r36 6.5.3].
void write_block_limits(const UnitDescription& unit, const PortDescription& /*port*/, ParameterWriter& out) {
    constexpr std::uint32_t kAlignmentValid = 0x8000'0000;
    const BlockLimits& limits = unit.limits;
    out.u8(limits.write_same_of_zero_blocks ? 0 : 1);
    out.u8(limits.max_compare_and_write);
    out.u16(limits.optimal_transfer_granularity);
    out.u32(limits.max_transfer);
    out.u32(limits.optimal_transfer);
    out.u32(limits.max_prefetch);
    out.u32(limits.max_unmap);
    out.u32(limits.max_unmap_descriptors);
    out.u32(limits.optimal_unmap_granularity);
    out.u32(limits.unmap_granularity_alignment ? kAlignmentValid | *limits.unmap_granularity_alignment : 0);
    out.u64(limits.max_write_same);
    out.u32(limits.max_atomic_transfer);
    // Any alignment, any granularity; none with an ATOMIC BOUNDARY.
    out.zeroes(64 - 48);
}

/// [SBC-3 r36 6.5.2].
void write_block_device_characteristics(const UnitDescription& unit, const PortDescription& /*port*/,
                                        ParameterWriter& out) {
    constexpr std::uint16_t kNotReported = 0;
    constexpr std::uint16_t kNonRotating = 1;
    constexpr std::uint8_t kErasedBlocksAreRead = 0x40;  // WABEREQ 01b
    out.u16(unit.rotational ? kNotReported : kNonRotating);
    out.u8(0);
    out.u8(traits_of(unit).thin ? kErasedBlocksAreRead : 0);  // only there is BLOCK ERASE offered
    out.zeroes(64 - 8);
}

/// [SBC-3 r36 6.5.4].
void write_logical_block_provisioning(const UnitDescription& unit, const PortDescription& /*port*/,
                                      ParameterWriter& out) {
    const Provisioning& thin = unit.provisioning;
    constexpr std::uint8_t kThin = 0x02;
    constexpr std::uint8_t kAnchor = 0x02;
    out.u8(thin.threshold_exponent);
    out.u8(static_cast<std::uint8_t>(
        (thin.unmap ? 0x80U : 0U) | (thin.write_same_16 ? 0x40U : 0U) | (thin.write_same_10 ? 0x20U : 0U) |
        (thin.unmapped_blocks_read_zero ? 0x04U : 0U) | (thin.anchor ? kAnchor : 0U)));
    out.u8(thin.managed ? kThin : 0);
    out.u8(0);
}

void write_supported_pages(const UnitDescription& unit, const PortDescription& port, ParameterWriter& out);

struct Page {
    std::uint8_t code;
    bool disks_only;
    void (*write)(const UnitDescription&, const PortDescription&, ParameterWriter&);
};

/// Ascending, as the Supported VPD Pages page must list them, [SPC-4 r37 7.8.15].
constexpr auto kPages = std::to_array<Page>({
    {.code = 0x00, .disks_only = false, .write = write_supported_pages},
    {.code = 0x80, .disks_only = false, .write = write_unit_serial_number},
    {.code = 0x83, .disks_only = false, .write = write_device_identification},
    {.code = 0x86, .disks_only = false, .write = write_extended_inquiry_data},
    {.code = 0x87, .disks_only = false, .write = write_mode_page_policy},
    {.code = 0x88, .disks_only = false, .write = write_scsi_ports},
    {.code = 0x8f, .disks_only = true, .write = write_third_party_copy},
    {.code = 0xb0, .disks_only = true, .write = write_block_limits},
    {.code = 0xb1, .disks_only = true, .write = write_block_device_characteristics},
    {.code = 0xb2, .disks_only = true, .write = write_logical_block_provisioning},
});
static_assert(std::ranges::is_sorted(kPages, {}, &Page::code));

bool offers(const UnitDescription& unit, const Page& page) {
    return !page.disks_only || unit.type == DeviceType::disk;
}

void write_supported_pages(const UnitDescription& unit, const PortDescription& /*port*/,
                           ParameterWriter& out) {
    for (const Page& page : kPages) {
        if (offers(unit, page)) {
            out.u8(page.code);
        }
    }
}

}  // namespace

std::uint8_t peripheral_byte(const UnitDescription& unit, const PortDescription& port) {
    constexpr unsigned kNotConnected = 0x20;  // PERIPHERAL QUALIFIER 001b
    return static_cast<std::uint8_t>((port.connected ? 0U : kNotConnected) |
                                     static_cast<unsigned>(unit.type));
}

bool write_vital_product_data(std::uint8_t page_code, const UnitDescription& unit,
                              const PortDescription& port, ParameterWriter& out) {
    const auto* const page = std::ranges::find(kPages, page_code, &Page::code);
    if (page == kPages.end() || !offers(unit, *page)) {
        return false;
    }
    const std::size_t begin = out.size();
    out.u8(peripheral_byte(unit, port));
    out.u8(page_code);
    out.u16(0);
    page->write(unit, port, out);
    out.patch(begin + 2, static_cast<std::uint16_t>(out.size() - begin - 4));
    return true;
}

}  // namespace targe::scsi
