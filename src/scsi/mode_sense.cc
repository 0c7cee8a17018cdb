#include "scsi/mode_page_table.h"
#include "scsi/mode_pages.h"

#include <algorithm>
#include <limits>

namespace targe::scsi {
namespace {

constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
constexpr wire::Field kSubpageCode = wire::bytes(3, 3);

constexpr std::uint8_t kSaveable = 0x80;  // PS

bool wanted(const ModePage& page, const ModeSenseRequest& request, const UnitDescription& unit) {
    const bool code = request.page == page.code || request.page == kAllModePages;
    const bool subpage = request.subpage == page.subpage || request.subpage == kAllModeSubpages;
    return code && subpage && has_page(unit, page);
}

/// Nothing when there is something to report.
std::optional<Sense> refuse(const ModeSenseRequest& request, const UnitDescription& unit) {
    const auto table = mode_page_table();
    if (request.page == kAllModePages) {
        // Subpage codes other than these are reserved here, [SPC-4 r37 6.13].
        const bool defined = request.subpage == 0 || request.subpage == kAllModeSubpages;
        return defined ? std::nullopt : std::optional{invalid_field(kSubpageCode)};
    }
    if (!std::ranges::any_of(
            table, [&](const ModePage& page) { return page.code == request.page && has_page(unit, page); })) {
        return invalid_field(kPageCode);
    }
    if (!std::ranges::any_of(table, [&](const ModePage& page) { return wanted(page, request, unit); })) {
        return invalid_field(kSubpageCode);
    }
    return std::nullopt;
}

std::array<std::byte, kMaxModePageSize> content(const ModePage& page, PageControl control,
                                                const UnitDescription& unit, const ModeValues& values) {
    if (control != PageControl::changeable) {
        auto bytes = mode_page(page, values.of(control));
        if (page.code == kCapabilitiesPage && values.removal_prevented) {
            bytes.at(kLockState.byte) |= std::byte{1} << kLockState.msb;
        }
        return bytes;
    }
    std::array<std::byte, kMaxModePageSize> bytes{};
    std::copy_n(page.fixed.begin(), page.header_size(), bytes.begin());
    for (const ModeField& field : mode_fields()) {
        if (field.page == page.code && field.subpage == page.subpage && changeable(field, unit)) {
            bytes.at(field.where.byte) |= field.mask();
        }
    }
    return bytes;
}

std::uint8_t device_specific_parameter(const ModePages& current, Access access) {
    constexpr std::uint8_t kWriteProtected = 0x80;
    constexpr std::uint8_t kDpoFua = 0x10;
    const bool writable = access == Access::read_write && !current.software_write_protect;
    return static_cast<std::uint8_t>((writable ? 0U : kWriteProtected) | kDpoFua);
}

/// The block descriptor, [SBC-3 r36 6.4.2].
void write_block_descriptor(const UnitDescription& unit, bool long_form, ParameterWriter& out) {
    if (long_form) {
        out.u64(unit.blocks);
        out.u32(0);
        out.u32(unit.block_size);
        return;
    }
    constexpr std::uint64_t kDoesNotFit = std::numeric_limits<std::uint32_t>::max();
    out.u32(static_cast<std::uint32_t>(std::min(unit.blocks, kDoesNotFit)));
    out.u32(unit.block_size);  // a reserved byte, and three of length
}

/// The parameter header, its MODE DATA LENGTH still zero, [SPC-4 r37 7.5.4].
void write_header(const ModeSenseRequest& request, std::uint8_t device_specific, std::uint8_t descriptors,
                  ParameterWriter& out) {
    if (request.form == ModeForm::six) {
        out.u16(0);  // length, medium type
        out.u8(device_specific);
        out.u8(descriptors);
        return;
    }
    out.u16(0);
    out.u8(0);
    out.u8(device_specific);
    out.u8(request.long_lba_accepted ? 1 : 0);
    out.u8(0);
    out.u16(descriptors);
}

}  // namespace

ModePages default_mode_pages(const UnitDescription& unit) {
    return {.write_cache_enabled = unit.volatile_cache,
            .threshold_reports = unit.provisioning.threshold_exponent != 0};
}

const ModePages& ModeValues::of(PageControl control) const {
    switch (control) {
        case PageControl::defaults:
            return defaults;
        case PageControl::saved:
            return saved;
        case PageControl::current:
        case PageControl::changeable:
            break;
    }
    return current;
}

std::optional<Sense> mode_sense(const ModeSenseRequest& request, const UnitDescription& unit,
                                const ModeValues& values, Access access, ParameterWriter& out) {
    if (const auto refused = refuse(request, unit)) {
        return refused;
    }
    if (request.control == PageControl::saved && !values.can_save) {
        return illegal_request(Asc::saving_parameters_not_supported);
    }
    const bool long_form = request.form == ModeForm::ten && request.long_lba_accepted;
    // [MMC-6 r2g]: neither a device-specific parameter nor block descriptors.
    const bool block_set = command_set_of(unit.type) == CommandSet::block;
    const std::uint8_t descriptors =
        request.disable_block_descriptors || !block_set ? 0 : (long_form ? 16 : 8);
    const std::size_t begin = out.size();
    write_header(request, block_set ? device_specific_parameter(values.current, access) : std::uint8_t{0},
                 descriptors, out);
    if (descriptors != 0) {
        write_block_descriptor(unit, long_form, out);
    }
    for (const ModePage& page : mode_page_table()) {
        if (wanted(page, request, unit)) {
            const auto bytes = content(page, request.control, unit, values);
            out.u8(std::to_integer<std::uint8_t>(bytes.front()) | (values.can_save ? kSaveable : 0));
            out.bytes(std::span(bytes).subspan(1, page.size - 1));
        }
    }
    // MODE DATA LENGTH does not count itself.
    if (request.form == ModeForm::six) {
        out.patch(begin, static_cast<std::uint8_t>(out.size() - begin - 1));
    } else {
        out.patch(begin, static_cast<std::uint16_t>(out.size() - begin - 2));
    }
    return std::nullopt;
}

}  // namespace targe::scsi
