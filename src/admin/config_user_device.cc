// A device that another program emulates: who may attach, and how long commands wait for it.
#include "admin/config_parts.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
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

std::string longest() {
    return fmt::format("the system takes {}", kLongestSocketPath);
}

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
        for (const std::string_view key : {"size", "block_size"}) {
            if (const Entry* const entry = section.find(key)) {
                section.reading().problems.error(
                    entry->place, fmt::format("'{}' means nothing with handler \"user\" and a 'type'", key),
                    "the handler gets CDBs, and tells initiators itself", "take the line out");
            }
        }
    }
    const auto socket = section.read_path("socket", user.socket);
    if (socket && user.socket.size() > kLongestSocketPath) {
        section.reading().problems.error(*socket, fmt::format("'socket' has {} bytes", user.socket.size()),
                                         longest(), "choose a shorter path");
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

std::string handler_socket(const DeviceConfig& device, const DaemonConfig& daemon) {
    return device.user.socket.empty()
               ? (std::filesystem::path(daemon.socket).parent_path() / (device.name + ".handler.sock"))
                     .string()
               : device.user.socket;
}

void check_handler_sockets(Reading& reading, const std::vector<PlacedDevice>& devices,
                           const DaemonConfig& daemon) {
    std::map<std::string, Place> first{{daemon.socket, {}}};
    for (const PlacedDevice& placed : devices) {
        if (placed.device.handler != Handler::user) {
            continue;
        }
        const std::string socket = handler_socket(placed.device, daemon);
        if (placed.device.user.socket.empty() && socket.size() > kLongestSocketPath) {
            reading.problems.error(
                placed.place, fmt::format("the socket of the device has {} bytes: {}", socket.size(), socket),
                longest(), "give the device a 'socket' of its own");
        }
        const auto [earlier, fresh] = first.emplace(socket, placed.place);
        if (!fresh) {
            reading.problems.error(placed.place, fmt::format("the socket {} is there twice", socket),
                                   earlier->second.line == 0
                                       ? "it is the control socket"
                                       : fmt::format("the other one is at {}", line_text(earlier->second)),
                                   "each device needs a 'socket' of its own");
        }
    }
}

}  // namespace targe::admin
