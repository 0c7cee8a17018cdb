#include "admin/config_parts.h"

#include <fmt/format.h>

#include <array>

namespace targe::admin {
namespace {

using base::LogLevel;
using std::chrono::milliseconds;

constexpr auto kLogLevels = std::to_array<std::pair<std::string_view, LogLevel>>({
    {"error", LogLevel::error},
    {"warning", LogLevel::warning},
    {"info", LogLevel::info},
    {"debug", LogLevel::debug},
});

constexpr std::uint64_t kLeastBufferMemory = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMostBufferMemory = std::uint64_t{1} << 44U;

void read_buffers(const Section& section, DaemonConfig& daemon) {
    section.read_size("buffer_memory", daemon.buffer_memory_bytes, kLeastBufferMemory, kMostBufferMemory);
    daemon.buffer_memory_per_initiator_bytes =
        std::min(daemon.buffer_memory_per_initiator_bytes, daemon.buffer_memory_bytes);
    const auto place =
        section.read_size("buffer_memory_per_initiator", daemon.buffer_memory_per_initiator_bytes,
                          std::uint64_t{1} << 20U, kMostBufferMemory);
    if (place && daemon.buffer_memory_per_initiator_bytes > daemon.buffer_memory_bytes) {
        section.reading().problems.error(
            *place, "'buffer_memory_per_initiator' is more than 'buffer_memory', which is for all of them",
            {}, "lower the one or raise the other");
    }
}

}  // namespace

DaemonConfig read_daemon(Reading& reading, const Value& value) {
    const Section section(reading, "[daemon]", value);
    DaemonConfig daemon;
    section.read_path("state_dir", daemon.state_dir);
    if (const auto place = section.read_path("socket", daemon.socket);
        place && daemon.socket.size() > kLongestSocketPath) {
        reading.problems.error(
            *place, fmt::format("'socket' is a path of {} bytes, and {} are the most that the system takes",
                                daemon.socket.size(), kLongestSocketPath));
    }
    if (const auto place = section.read_string("socket_group", daemon.socket_group);
        place && !reading.has_group(daemon.socket_group)) {
        reading.problems.error(*place, fmt::format("there is no group \"{}\"", daemon.socket_group),
                               "the control socket could not be given to it",
                               fmt::format("groupadd {}, or name another one as 'socket_group'; getent group "
                                           "lists those that there are",
                                           daemon.socket_group));
    }
    section.read_integer<std::uint16_t>("reactors", daemon.reactors, 1, 256);
    section.read_choice<LogLevel>("log_level", daemon.log_level, kLogLevels);
    read_buffers(section, daemon);
    section.read_duration("login_timeout", daemon.login_timeout, milliseconds{1'000}, milliseconds{600'000});
    section.read_integer<std::uint32_t>("half_open_logins_per_address", daemon.half_open_logins_per_address,
                                        1, 65'536);
    section.read_integer<std::uint32_t>("max_connections", daemon.max_connections, 1, 1'000'000);
    section.read_bool("move_sessions", daemon.move_sessions);
    return daemon;
}

}  // namespace targe::admin
