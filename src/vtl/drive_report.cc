#include "vtl/drive.h"
#include "vtl/unit_cdbs.h"

#include <algorithm>
#include <array>

namespace targe::vtl {
namespace {

using scsi::Asc;

constexpr std::uint8_t kTape = 0x01;
constexpr auto kVpdPages = std::to_array<std::uint8_t>({0x86, 0xb0, 0xb1, 0xb2});

void put_extended_inquiry(scsi::ParameterWriter& out) {
    // Nothing of it is offered; the length is what the page has.
    out.zeroes(60);
}

}  // namespace

std::span<const std::uint8_t> Drive::vpd_pages() {
    return kVpdPages;
}

/// The VPD pages of a tape; the rest of INQUIRY is targed's.
Drive::Ending Drive::inquiry(Call& call) {
    using L = InquiryCdb;
    const auto code = static_cast<std::uint8_t>(call.get(L::kPage));
    if (!call.flag(L::kEvpd) || std::ranges::find(kVpdPages, code) == kVpdPages.end()) {
        return invalid_field(L::kPage);
    }
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        out.u8(kTape);
        out.u8(code);
        out.u16(0);
        switch (code) {
            case 0x86:
                put_extended_inquiry(out);
                break;
            case 0xb0:
                out.u16(0x0100);  // WORM is known here
                break;
            case 0xb1:
                out.characters(description_.serial);
                break;
            default:  // B2h: every TapeAlert flag may be set, [SSC-5]
                out.u64(~std::uint64_t{0});
                break;
        }
        out.patch(2, static_cast<std::uint16_t>(out.size() - 4));
    });
    return std::nullopt;
}

Drive::Ending Drive::report_operation_codes(Call& call) {
    return vtl::report_operation_codes(commands(), call);
}

Drive::Ending Drive::report_timestamp(Call& call) {
    call.reply(call.get(scsi::ReportTimestampCdb::kAllocationLength),
               [&](scsi::ParameterWriter& out) { scsi::report_timestamp(clock_, call.in().now_ms, out); });
    return std::nullopt;
}

Drive::Ending Drive::set_timestamp(Call& call) {
    const auto list = call.parameter_list(call.get(scsi::SetTimestampCdb::kParameterListLength));
    if (!list) {
        return parameter_list_length_error();
    }
    const auto clock = scsi::set_timestamp(*list, call.in().now_ms, clock_);
    if (!clock) {
        return Sense{.key = clock.error().key, .asc = clock.error().asc, .field = clock.error().field};
    }
    if (*clock != clock_) {
        clock_ = *clock;
        call.attention(Attention::To::others, Asc::timestamp_changed);
    }
    return std::nullopt;
}

/// A self-test, or the page that asks for the list of pages.
Drive::Ending Drive::send_diagnostic(Call& call) {
    using L = SendDiagnosticCdb;
    if (call.flag(L::kSelfTest) || call.get(L::kSelfTestCode) != 0) {
        return vtl::send_diagnostic(call);
    }
    constexpr std::size_t kPageHeader = 4;
    const auto list = call.parameter_list(call.get(L::kParameterListLength));
    if (!list || (!list->empty() && list->size() < kPageHeader)) {
        return parameter_list_length_error();
    }
    const auto other = std::ranges::find_if(*list, [](std::byte each) { return each != std::byte{0}; });
    return other == list->end() ? std::nullopt
                                : Ending(invalid_parameter(static_cast<std::size_t>(other - list->begin())));
}

/// The list of diagnostic pages, which has but itself.
Drive::Ending Drive::receive_diagnostic_results(Call& call) {
    using L = ReceiveDiagnosticResultsCdb;
    if (call.get(L::kPage) != 0) {
        return invalid_field(L::kPage);
    }
    call.reply(call.get(L::kAllocationLength), [](scsi::ParameterWriter& out) {
        out.u16(0);
        out.u16(1);
        out.u8(0);
    });
    return std::nullopt;
}

/// The descriptor of buffer 0, which has no room: there is no buffer to read.
Drive::Ending Drive::read_buffer(Call& call) {
    using L = ReadBufferCdb;
    constexpr std::uint64_t kDescriptor = 0x03;
    if (call.get(L::kMode) != kDescriptor) {
        return invalid_field(L::kMode);
    }
    if (call.get(L::kOffset) != 0) {
        return invalid_field(L::kOffset);
    }
    call.reply(call.get(L::kAllocationLength), [](scsi::ParameterWriter& out) { out.u32(0); });
    return std::nullopt;
}

/// What targed answers never comes here; where it does, nobody knows it.
Drive::Ending Drive::by_targed(Call& /*call*/) {
    return refusal(Asc::invalid_command_operation_code);
}

}  // namespace targe::vtl
