#include "daemon/limits.h"

#include "iscsi/connection_options.h"

#include <sys/resource.h>

#include <algorithm>

namespace targe::daemon {

namespace {

/// The log, the control socket with its clients, state files, files that are opened to look at a device.
constexpr std::uint64_t kOtherDescriptors = 64;

}  // namespace

engine::Limits engine_limits(const admin::Config& config, std::uint64_t buffer_bytes_per_core) {
    engine::Limits limits;
    limits.buffer_bytes_per_nexus = config.daemon.buffer_memory_per_initiator_bytes;
    // A transfer that its core can never have room for would be BUSY for ever.
    limits.transfer_bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(limits.transfer_bytes, buffer_bytes_per_core / 2));
    // The window is what holds an initiator back: whoever keeps to it is never told TASK SET FULL for the
    // number of its commands, even when all of them are for one unit.
    std::uint32_t depth = limits.commands_per_nexus_and_unit;
    for (const admin::TargetConfig& target : config.targets) {
        depth = std::max(depth, target.limits.queue_depth);
    }
    limits.commands_per_nexus_and_unit =
        depth + iscsi::ConnectionOptions{}.max_immediate_commands + iscsi::kMaxEnding;
    return limits;
}

std::uint64_t descriptors_wanted(const admin::Config& config, std::size_t reactors) {
    constexpr std::uint64_t kOfAReactor = 4;
    std::uint64_t portals = 0;
    for (const admin::TargetConfig& target : config.targets) {
        portals += target.portals.size();
    }
    const auto devices = [&](admin::Handler handler) {
        return static_cast<std::uint64_t>(
            std::ranges::count(config.devices, handler, &admin::DeviceConfig::handler));
    };
    // A file has one to read and write by, and one to flush by. A handler has where it attaches, what wakes
    // whoever speaks with it, its connection, the memory that is shared, and an event each way, one of them
    // for each core.
    return config.devices.size() + devices(admin::Handler::file) +
           devices(admin::Handler::user) * (4 + reactors) + config.daemon.max_connections + portals +
           reactors * kOfAReactor + kOtherDescriptors;
}

std::uint32_t connections_within(const admin::Config& config, std::size_t reactors, std::uint64_t limit) {
    const std::uint32_t configured = config.daemon.max_connections;
    const std::uint64_t fixed = descriptors_wanted(config, reactors) - configured - kOtherDescriptors;
    const std::uint64_t left = limit - std::min(limit, fixed);
    const std::uint64_t others = std::min(kOtherDescriptors, left / 2);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(left - others, 1, configured));
}

std::optional<std::uint64_t> raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return std::nullopt;
    }
    const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
        limit = raised;
    }
    return limit.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(limit.rlim_cur);
}

}  // namespace targe::daemon
