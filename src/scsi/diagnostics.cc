#include "scsi/diagnostics.h"

#include "scsi/cdb.h"

namespace targe::scsi {
namespace {

// SELF-TEST CODE.
constexpr std::uint8_t kAbortBackground = 0b100;
constexpr std::uint8_t kForeground = 0b100;  // this bit, of the codes below
constexpr std::uint8_t kShort = 0b001;
constexpr std::uint8_t kExtended = 0b010;

constexpr std::uint8_t kSupportedPages = 0x00;

}  // namespace

std::expected<DiagnosticRequest, Sense> plan_send_diagnostic(
    std::span<const std::byte, SendDiagnosticCdb::kSize> cdb) {
    using L = SendDiagnosticCdb;
    const auto code = wire::get<L::kSelfTestCode>(cdb);
    const bool self_test = wire::get<L::kSelfTest>(cdb) != 0;
    if ((self_test || code != 0) && wire::get<L::kParameterListLength>(cdb) != 0) {
        return std::unexpected(invalid_field(L::kParameterListLength));
    }
    if (self_test && code != 0) {
        return std::unexpected(invalid_field(L::kSelfTestCode));  // without a meaning there
    }
    if (code == 0) {
        return DiagnosticRequest{.what = self_test ? Diagnostic::self_test : Diagnostic::page};
    }
    if (code == kAbortBackground) {
        return DiagnosticRequest{.what = Diagnostic::abort_background};
    }
    const bool foreground = (code & kForeground) != 0;
    const unsigned length = code & ~unsigned{kForeground};
    if (length != kShort && length != kExtended) {
        return std::unexpected(invalid_field(L::kSelfTestCode));
    }
    return DiagnosticRequest{
        .what = Diagnostic::self_test,
        .test = {.code = code, .foreground = foreground, .extended = length == kExtended}};
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
