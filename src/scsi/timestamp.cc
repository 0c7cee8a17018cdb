#include "scsi/timestamp.h"

#include "scsi/cdb.h"

namespace targe::scsi {
namespace {

/// The SET TIMESTAMP parameter data; those of REPORT TIMESTAMP differ in the first four bytes.
struct TimestampList {
    static constexpr std::size_t kSize = 12;
    static constexpr wire::Field kTimestamp = wire::bytes(4, 9);
};

/// Of TIMESTAMP; greater values of its first byte are refused, [SPC-4 r37 6.46].
constexpr std::uint64_t kMostHighByte = 0xf0;

constexpr std::uint64_t kTimestampMask = (std::uint64_t{1} << 48U) - 1;

}  // namespace

void report_timestamp(const UnitClock& clock, std::uint64_t host_ms, ParameterWriter& out) {
    constexpr std::uint16_t kDataLength = 10;
    const std::uint64_t now = (host_ms + static_cast<std::uint64_t>(clock.ahead_ms)) & kTimestampMask;
    out.u16(kDataLength);
    out.u8(static_cast<std::uint8_t>(clock.origin));
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(now >> 32U));
    out.u32(static_cast<std::uint32_t>(now));
    out.u16(0);
}

std::expected<UnitClock, Sense> set_timestamp(wire::Bytes list, std::uint64_t host_ms,
                                              const UnitClock& current) {
    if (list.empty()) {
        return current;
    }
    if (list.size() < TimestampList::kSize) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    const std::uint64_t wanted = field_value(list, TimestampList::kTimestamp);
    if (wanted >> 40U > kMostHighByte) {
        return std::unexpected(invalid_parameter(TimestampList::kTimestamp.byte));
    }
    return UnitClock{.origin = TimestampOrigin::set_timestamp,
                     .ahead_ms = static_cast<std::int64_t>(wanted - host_ms)};
}

}  // namespace targe::scsi
