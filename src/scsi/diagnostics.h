// SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS, [SPC-4 r37].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

struct SendDiagnosticCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kSelfTestCode = wire::bits(1, 7, 5);
    static constexpr wire::Field kPageFormat = wire::bit(1, 4);     ///< PF
    static constexpr wire::Field kSelfTest = wire::bit(1, 2);       ///< SELFTEST
    static constexpr wire::Field kDeviceOffline = wire::bit(1, 1);  ///< DEVOFFL
    static constexpr wire::Field kUnitOffline = wire::bit(1, 0);    ///< UNITOFFL
    static constexpr wire::Field kParameterListLength = wire::bytes(3, 4);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kSelfTestCode, kPageFormat, kSelfTest, kDeviceOffline, kUnitOffline, kParameterListLength});
};

struct ReceiveDiagnosticResultsCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPageCodeValid = wire::bit(1, 0);  ///< PCV
    static constexpr wire::Field kPageCode = wire::bytes(2, 2);
    static constexpr wire::Field kAllocationLength = wire::bytes(3, 4);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kPageCodeValid, kPageCode, kAllocationLength});
};

/// What SEND DIAGNOSTIC asks for.
enum class Diagnostic : std::uint8_t {
    page,              ///< a diagnostic page, or nothing at all
    self_test,         ///< one of those below
    abort_background,  ///< SELF-TEST CODE 100b
};

struct SelfTest {
    std::uint8_t code = 0;  ///< SELF-TEST CODE; 0: the default one, of which no log tells
    bool foreground = true;
    bool extended = false;  ///< all of the medium is read
    bool operator==(const SelfTest&) const = default;
};

struct DiagnosticRequest {
    Diagnostic what;
    SelfTest test = {};
    bool operator==(const DiagnosticRequest&) const = default;
};

[[nodiscard]] std::expected<DiagnosticRequest, Sense> plan_send_diagnostic(
    std::span<const std::byte, SendDiagnosticCdb::kSize> cdb);
/// Why the diagnostic page in `list` is refused: only the list of supported pages may be asked for.
[[nodiscard]] std::optional<Sense> refuse_diagnostic_page(wire::Bytes list);

/// Writes the Supported Diagnostic Pages page, the only one, or says why not.
[[nodiscard]] std::optional<Sense> receive_diagnostic_results(
    std::span<const std::byte, ReceiveDiagnosticResultsCdb::kSize> cdb, ParameterWriter& out);

/// How a self-test ended, as the Self-Test Results log page tells it.
struct SelfTestResult {
    enum class Ending : std::uint8_t {
        well = 0x0,
        aborted_by_command = 0x1,  ///< SEND DIAGNOSTIC with SELF-TEST CODE 100b
        aborted_otherwise = 0x2,
        by_unknown_error = 0x3,
        by_failed_segment = 0x4,  ///< of which more is told by address and sense
        in_progress = 0xf,
    };
    std::uint8_t code = 0;  ///< SELF-TEST CODE
    Ending ending = Ending::well;
    std::uint64_t unix_ms = 0;                        ///< when it ended
    std::optional<std::uint64_t> first_failure = {};  ///< LBA
    std::optional<Sense> sense = {};
    bool operator==(const SelfTestResult&) const = default;
};

}  // namespace targe::scsi
