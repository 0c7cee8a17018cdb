// A device that another program emulates: who may attach, and how long commands wait for it.
#include "admin/config_parts.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace targe::admin {
namespace {

using namespace std::chrono_literals;

constexpr auto kWhenAway = std::to_array<std::pair<std::string_view, bool>>({
    {"not-ready", false},
    {"busy", true},
});

constexpr auto kTypes = std::to_array<std::pair<std::string_view, DeviceType>>({
    {"disk", DeviceType::disk},
    {"tape", DeviceType::tape},
    {"processor", DeviceType::processor},
    {"cdrom", DeviceType::cdrom},
    {"optical", DeviceType::optical},
    {"changer", DeviceType::changer},
    {"enclosure", DeviceType::enclosure},
});

/// What the system takes, with its NUL.
constexpr std::size_t kSocketPath = 108;

void read_ids(const Section& section, std::string_view key, std::vector<std::uint32_t>& ids) {
    section.read_array(key, [&](const Value& value) {
        const auto* const id = value.as<std::int64_t>();
        if (id == nullptr || *id < 0 || *id >= std::numeric_limits<std::uint32_t>::max()) {
            section.wrong_kind(key, value, "an array of numbers",
                               "the number of a user is what 'id -u NAME' says, of a group 'id -g NAME'");
            return;
        }
        ids.push_back(static_cast<std::uint32_t>(*id));
    });
}

}  // namespace

void read_user(const Section& section, UserConfig& user) {
    DeviceType type{};
    if (section.read_choice<DeviceType>("type", type, kTypes)) {
        user.type = type;
    }
    const auto socket = section.read_path("socket", user.socket);
    if (socket && user.socket.size() >= kSocketPath) {
        section.reading().problems.error(*socket, fmt::format("'socket' has {} bytes", user.socket.size()),
                                         "the system takes 107", "choose a shorter path");
    }
    read_ids(section, "allow_uids", user.allow_uids);
    read_ids(section, "allow_gids", user.allow_gids);
    section.read_duration("hold", user.hold, 0ms, 1h);
    std::chrono::milliseconds deadline{};
    if (section.read_duration("deadline", deadline, 100ms, 24h)) {
        user.deadline = deadline;
    }
    section.read_choice<bool>("when_away", user.busy_when_away, kWhenAway);
}

}  // namespace targe::admin
