// The unit's clock: REPORT and SET TIMESTAMP, [SPC-4 r37 5.2].
#pragma once

#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace targe::scsi {

struct ReportTimestampCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kAllocationLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kAllocationLength});
};

struct SetTimestampCdb {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kServiceAction = wire::bits(1, 4, 0);
    static constexpr wire::Field kParameterListLength = wire::bytes(6, 9);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kServiceAction, kParameterListLength});
};

/// TIMESTAMP ORIGIN.
enum class TimestampOrigin : std::uint8_t {
    set_timestamp = 0x2,
    other_method = 0x3,  ///< here: the host's clock
};

/// How the unit's clock stands against the host's, of which it has no other.
struct UnitClock {
    TimestampOrigin origin = TimestampOrigin::other_method;
    std::int64_t ahead_ms = 0;
    bool operator==(const UnitClock&) const = default;
};

/// `host_ms` is the host's clock, in milliseconds since 1970-01-01 00:00 UTC.
void report_timestamp(const UnitClock& clock, std::uint64_t host_ms, ParameterWriter& out);

/// The clock after `list`, all of PARAMETER LIST LENGTH bytes. An empty list changes nothing.
[[nodiscard]] std::expected<UnitClock, Sense> set_timestamp(wire::Bytes list, std::uint64_t host_ms,
                                                            const UnitClock& current);

}  // namespace targe::scsi
