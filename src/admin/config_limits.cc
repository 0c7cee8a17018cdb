#include "admin/config_parts.h"

#include <algorithm>

namespace targe::admin {

namespace {
// The range of the keys that count bytes [RFC 7143 13].
constexpr std::uint32_t kLeastLength = 512;
constexpr std::uint32_t kMostLength = 16'777'215;
}  // namespace

SessionLimits read_session_limits(const Section& section) {
    using std::chrono::milliseconds;
    SessionLimits limits;
    section.read_integer<std::uint32_t>("max_sessions", limits.max_sessions, 1, 65'535);
    section.read_integer<std::uint32_t>("queue_depth", limits.queue_depth, 1, 8'192);
    section.read_integer<std::uint32_t>("commands_per_lun", limits.commands_per_lun, 1, 65'535);

    const auto read_length = [&](std::string_view key, std::uint32_t& out) {
        std::uint64_t bytes = out;
        const auto place = section.read_size(key, bytes, kLeastLength, kMostLength);
        out = static_cast<std::uint32_t>(bytes);
        return place;
    };
    read_length("max_recv_data_segment_length", limits.max_recv_data_segment_length);
    read_length("max_burst_length", limits.max_burst_length);
    limits.first_burst_length = std::min(limits.first_burst_length, limits.max_burst_length);
    if (const auto place = read_length("first_burst_length", limits.first_burst_length);
        place && limits.first_burst_length > limits.max_burst_length) {
        section.reading().problems.error(*place, "'first_burst_length' is more than 'max_burst_length'",
                                         "RFC 7143 forbids it", "lower the one or raise the other");
    }
    section.read_integer<std::uint16_t>("max_outstanding_r2t", limits.max_outstanding_r2t, 1, 1'024);
    section.read_bool("initial_r2t", limits.initial_r2t);
    section.read_bool("immediate_data", limits.immediate_data);
    section.read_duration("nop_interval", limits.nop_interval, milliseconds{0}, milliseconds{3'600'000});
    section.read_duration("nop_timeout", limits.nop_timeout, milliseconds{1'000}, milliseconds{3'600'000});
    section.read_bool("async_events", limits.async_events);
    return limits;
}

}  // namespace targe::admin
