#include "scsi/report_supported_operation_codes.h"
#include "vtl/changer.h"
#include "vtl/log_page.h"
#include "vtl/unit_cdbs.h"

#include <algorithm>
#include <array>

namespace targe::vtl {
namespace {

using scsi::Asc;

constexpr std::uint8_t kElementAddressPage = 0x1d;
constexpr std::uint8_t kGeometryPage = 0x1e;
constexpr std::uint8_t kCapabilitiesPage = 0x1f;
constexpr std::uint8_t kTapeAlertPage = 0x2e;

/// Element address assignment, of each type first address and count.
std::vector<std::uint8_t> addresses(const ElementCounts& counts) {
    std::vector<std::uint8_t> body;
    const auto add = [&](unsigned value) {
        body.push_back(static_cast<std::uint8_t>(value >> 8U));
        body.push_back(static_cast<std::uint8_t>(value & 0xffU));
    };
    add(kTransportAddress);
    add(1);
    add(kFirstStorage);
    add(counts.storage);
    add(counts.import_export == 0 ? 0 : kFirstImportExport);
    add(counts.import_export);
    add(kFirstDrive);
    add(counts.drives);
    add(0);
    return body;
}

}  // namespace

void Changer::fill_mode_pages() {
    const std::vector<std::uint8_t> body = addresses(robot_.inventory().counts());
    mode_.add(kElementAddressPage, 0, body, std::vector<std::uint8_t>(body.size(), 0));
    mode_.add(kGeometryPage, 0, {0, 0}, {0, 0});
    // Storage, import/export and drives keep media; from each of them to each; and they are exchanged so too.
    std::vector<std::uint8_t> capabilities(18, 0);
    capabilities[0] = 0x0e;
    capabilities[3] = capabilities[4] = capabilities[5] = 0x0e;
    capabilities[11] = capabilities[12] = capabilities[13] = 0x0e;
    mode_.add(kCapabilitiesPage, 0, capabilities, std::vector<std::uint8_t>(capabilities.size(), 0));
}

std::span<const std::uint8_t> Changer::vpd_pages() {
    return {};
}

/// Every VPD page that a changer has is targed's.
Changer::Ending Changer::inquiry(Call& /*call*/) {
    return invalid_field(InquiryCdb::kPage);
}

Changer::Ending Changer::sense_pages(Call& call, std::uint64_t page, std::uint64_t subpage,
                                     std::uint64_t control, std::uint64_t allocation_length, bool six) {
    if (static_cast<PageControl>(control) == PageControl::saved) {
        return refusal(Asc::saving_parameters_not_supported);
    }
    bool any = false;
    call.reply(allocation_length, [&](scsi::ParameterWriter& out) {
        // No block descriptor, ever.
        out.zeroes(six ? 4 : 8);
        any = mode_.write(static_cast<std::uint8_t>(page), static_cast<std::uint8_t>(subpage),
                          static_cast<PageControl>(control), out);
        if (six) {
            out.patch(0, static_cast<std::uint8_t>(out.size() - 1));
        } else {
            out.patch(0, static_cast<std::uint16_t>(out.size() - 2));
        }
    });
    if (!any) {
        call.out().data_in_length = 0;
        call.out().wanted = 0;
        return invalid_field(ModeSense6Cdb::kPage);
    }
    return std::nullopt;
}

Changer::Ending Changer::mode_sense_6(Call& call) {
    using L = ModeSense6Cdb;
    return sense_pages(call, call.get(L::kPage), call.get(L::kSubpage), call.get(L::kControl),
                       call.get(L::kAllocationLength), true);
}

Changer::Ending Changer::mode_sense_10(Call& call) {
    using L = ModeSense10Cdb;
    return sense_pages(call, call.get(L::kPage), call.get(L::kSubpage), call.get(L::kControl),
                       call.get(L::kAllocationLength), false);
}

/// Nothing can be changed: what is selected must be what is so.
Changer::Ending Changer::select(Call& call, std::uint64_t length, std::size_t header_bytes) {
    const auto list = call.parameter_list(length);
    if (!list || (!list->empty() && list->size() < header_bytes)) {
        return parameter_list_length_error();
    }
    if (list->empty()) {
        return std::nullopt;
    }
    const std::size_t descriptors_at = header_bytes == 4 ? 3 : 7;
    if ((*list)[descriptors_at] != std::byte{0}) {
        return invalid_parameter(descriptors_at);
    }
    bool changed = false;
    return mode_.select(list->subspan(header_bytes), header_bytes, changed);
}

Changer::Ending Changer::mode_select_6(Call& call) {
    return select(call, call.get(ModeSelect6Cdb::kParameterListLength), 4);
}

Changer::Ending Changer::mode_select_10(Call& call) {
    return select(call, call.get(ModeSelect10Cdb::kParameterListLength), 8);
}

/// TapeAlert, of which nothing can be wrong with a robot that is none.
Changer::Ending Changer::log_sense(Call& call) {
    using L = LogSenseCdb;
    const std::uint64_t page = call.get(L::kPage);
    if (page != 0 && page != kTapeAlertPage) {
        return invalid_field(L::kPage);
    }
    if (call.get(L::kSubpage) != 0) {
        return invalid_field(L::kSubpage);
    }
    std::vector<std::byte> content{std::byte{0}, std::byte{kTapeAlertPage}};
    if (page == kTapeAlertPage) {
        constexpr std::uint16_t kFlags = 64;
        LogPage flags(static_cast<std::uint16_t>(call.get(L::kParameterPointer)));
        for (std::uint16_t i = 1; i <= kFlags; ++i) {
            flags.counter(i, 0, 1);
        }
        content = flags.take();
        if (content.empty()) {
            return invalid_field(L::kParameterPointer);
        }
    }
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        out.u8(static_cast<std::uint8_t>(page));
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(content.size()));
        out.bytes(content);
    });
    return std::nullopt;
}

Changer::Ending Changer::log_select(Call& call) {
    using L = LogSelectCdb;
    if (call.get(L::kParameterListLength) != 0) {
        return invalid_field(L::kParameterListLength);
    }
    const std::uint64_t page = call.get(L::kPage);
    return page != 0 && page != kTapeAlertPage ? Ending(invalid_field(L::kPage)) : std::nullopt;
}

Changer::Ending Changer::send_diagnostic(Call& call) {
    return vtl::send_diagnostic(call);
}

Changer::Ending Changer::report_operation_codes(Call& call) {
    return vtl::report_operation_codes(commands(), call);
}

Changer::Ending Changer::by_targed(Call& /*call*/) {
    return refusal(Asc::invalid_command_operation_code);
}

}  // namespace targe::vtl
