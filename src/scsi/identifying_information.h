// What an application client writes on a logical unit as on a label: REPORT and SET IDENTIFYING INFORMATION,
// [SPC-4 r37].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::scsi {

struct ReportIdentifyingInformationCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr wire::Field kInformationType = wire::bits(10, 7, 1);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength, kInformationType});
};

struct SetIdentifyingInformationCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(6, 9);
    static constexpr wire::Field kInformationType = wire::bits(10, 7, 1);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kServiceAction, kParameterListLength, kInformationType});
};

struct IdentifyingInformation {
    static constexpr std::size_t kMaxInformation = 64;
    static constexpr std::size_t kMaxText = 256;

    std::string information;  ///< any bytes
    std::string text;         ///< UTF-8, ending in a NUL; or empty
    bool operator==(const IdentifyingInformation&) const = default;
};

/// Writes the parameter data for the INFORMATION TYPE asked for, or says why not.
[[nodiscard]] std::optional<Sense> report_identifying_information(
    std::span<const std::byte, ReportIdentifyingInformationCdb::kSize> cdb,
    const IdentifyingInformation& current, ParameterWriter& out);

/// Why the CDB cannot be obeyed, whatever the list says.
[[nodiscard]] std::optional<Sense> refuse_set_identifying_information(
    std::span<const std::byte, SetIdentifyingInformationCdb::kSize> cdb);

/// What is identified after `list`, all of PARAMETER LIST LENGTH bytes; an empty one takes away what was
/// there.
[[nodiscard]] std::expected<IdentifyingInformation, Sense> set_identifying_information(
    std::span<const std::byte, SetIdentifyingInformationCdb::kSize> cdb, wire::Bytes list,
    const IdentifyingInformation& current);

/// As it is kept, and back. Nothing when it is not what was kept.
[[nodiscard]] std::string keep(const IdentifyingInformation& information);
[[nodiscard]] std::optional<IdentifyingInformation> kept_identifying_information(std::string_view text);

}  // namespace targe::scsi
