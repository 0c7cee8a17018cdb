// REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS, [SPC-4 r37 6.37, 6.45].
#pragma once

#include "scsi/asymmetric_access.h"
#include "scsi/parameter_writer.h"
#include "wire/field.h"

#include <cstddef>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

struct ReportTargetPortGroupsCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kParameterDataFormat = wire::bits(1, 7, 5);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage =
        wire::usage_mask<kSize>({kOpcode, kParameterDataFormat, kServiceAction, kAllocationLength});
};

struct SetTargetPortGroupsCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kParameterListLength});
};

/// Both headers: the length alone, and with the implicit transition time.
[[nodiscard]] std::optional<Sense> report_target_port_groups(
    std::span<const std::byte, ReportTargetPortGroupsCdb::kSize> cdb, const AsymmetricAccess& access,
    ParameterWriter& out);

/// What `access` becomes by a parameter list, which is all of PARAMETER LIST LENGTH bytes. An empty list
/// changes nothing. Refused are: a group that is not there or is there twice, and the states that nobody can
/// ask for (offline is set for a port, and transitioning is passed through).
[[nodiscard]] std::expected<AsymmetricAccess, Sense> set_target_port_groups(wire::Bytes list,
                                                                            const AsymmetricAccess& access);

}  // namespace targe::scsi
