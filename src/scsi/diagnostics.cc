#include "scsi/diagnostics.h"

#include "scsi/cdb.h"

namespace targe::scsi {
namespace {

constexpr std::uint8_t kBackgroundShort = 1;
constexpr std::uint8_t kForegroundShort = 5;
constexpr std::uint8_t kSupportedPages = 0x00;

}  // namespace

std::expected<Diagnostic, Sense> plan_send_diagnostic(
    std::span<const std::byte, SendDiagnosticCdb::kSize> cdb) {
    using L = SendDiagnosticCdb;
    const auto code = wire::get<L::kSelfTestCode>(cdb);
    const bool self_test = wire::get<L::kSelfTest>(cdb) != 0;
    if ((self_test || code != 0) && wire::get<L::kParameterListLength>(cdb) != 0) {
        return std::unexpected(invalid_field(L::kParameterListLength));
    }
    if (self_test) {
        // With SELFTEST the code has no meaning and must be zero.
        return code == 0 ? std::expected<Diagnostic, Sense>(Diagnostic::default_self_test)
                         : std::unexpected(invalid_field(L::kSelfTestCode));
    }
    switch (code) {
        case 0:
            return Diagnostic::none;
        case kBackgroundShort:
            return Diagnostic::background_short;
        case kForegroundShort:
            return Diagnostic::foreground_short;
        default:
            return std::unexpected(invalid_field(L::kSelfTestCode));
    }
}

std::optional<Sense> refuse_diagnostic_page(wire::Bytes list) {
    constexpr std::size_t kHeaderBytes = 4;
    constexpr wire::Field kPageLength = wire::bytes(2, 3);
    if (list.empty()) {
        return std::nullopt;
    }
    if (list.size() < kHeaderBytes) {
        return illegal_request(Asc::parameter_list_length_error);
    }
    if (list[0] != std::byte{kSupportedPages}) {
        return invalid_parameter(0);
    }
    return field_value(list, kPageLength) == 0 ? std::nullopt
                                               : std::optional{invalid_parameter(kPageLength.byte)};
}

std::optional<Sense> receive_diagnostic_results(
    std::span<const std::byte, ReceiveDiagnosticResultsCdb::kSize> cdb, ParameterWriter& out) {
    using L = ReceiveDiagnosticResultsCdb;
    // Without PCV the page is that of the latest SEND DIAGNOSTIC, and there is but one.
    if (wire::get<L::kPageCode>(cdb) != kSupportedPages) {
        return invalid_field(L::kPageCode);
    }
    out.u16(0);
    out.u16(1);
    out.u8(kSupportedPages);
    return std::nullopt;
}

}  // namespace targe::scsi
