#include "scsi/mode_page_table.h"
#include "scsi/mode_pages.h"

#include <algorithm>
#include <limits>

namespace targe::scsi {
namespace {

constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
constexpr wire::Field kSubpageCode = wire::bytes(3, 3);

bool wanted(const ModePage& page, const ModeSenseRequest& request) {
    const bool code = request.page == page.code || request.page == kAllModePages;
    const bool subpage = request.subpage == page.subpage || request.subpage == kAllModeSubpages;
    return code && subpage;
}

/// Nothing when there is something to report.
std::optional<Sense> refuse(const ModeSenseRequest& request) {
    const auto table = mode_page_table();
    if (request.page == kAllModePages) {
        // Subpage codes other than these are reserved here, [SPC-4 r37 6.13].
        const bool defined = request.subpage == 0 || request.subpage == kAllModeSubpages;
        return defined ? std::nullopt : std::optional{invalid_field(kSubpageCode)};
    }
    if (!std::ranges::any_of(table, [&](const ModePage& page) { return page.code == request.page; })) {
        return invalid_field(kPageCode);
    }
    if (!std::ranges::any_of(table, [&](const ModePage& page) { return wanted(page, request); })) {
        return invalid_field(kSubpageCode);
    }
    return std::nullopt;
}

std::array<std::byte, kMaxModePageSize> content(const ModePage& page, const ModeSenseRequest& request,
                                                const UnitDescription& unit, const ModePages& current) {
    auto bytes = page.fixed;
    if (request.control == PageControl::changeable) {
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(page.header_size()), bytes.end(), std::byte{0});
    }
    const ModePages reported = request.control == PageControl::defaults ? default_mode_pages(unit) : current;
    for (const ModeBit& bit : mode_bits()) {
        const bool set =
            request.control == PageControl::changeable ? changeable(bit, unit) : reported.*bit.value;
        if (set && page.subpage == 0 && page.code == bit.page) {
            bytes.at(bit.byte) |= std::byte{1} << bit.bit;
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
    return {.write_cache_enabled = unit.volatile_cache};
}

std::optional<Sense> mode_sense(const ModeSenseRequest& request, const UnitDescription& unit,
                                const ModePages& current, Access access, ParameterWriter& out) {
    if (const auto refused = refuse(request)) {
        return refused;
    }
    if (request.control == PageControl::saved) {
        return illegal_request(Asc::saving_parameters_not_supported);
    }
    const bool long_form = request.form == ModeForm::ten && request.long_lba_accepted;
    const std::uint8_t descriptors = request.disable_block_descriptors ? 0 : (long_form ? 16 : 8);
    const std::size_t begin = out.size();
    write_header(request, device_specific_parameter(current, access), descriptors, out);
    if (descriptors != 0) {
        write_block_descriptor(unit, long_form, out);
    }
    for (const ModePage& page : mode_page_table()) {
        if (wanted(page, request)) {
            const auto bytes = content(page, request, unit, current);
            out.bytes(std::span(bytes).first(page.size));
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
