// The readers of the parts of the configuration, each in a file of its own.
#pragma once

#include "admin/config.h"
#include "admin/config_section.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace targe::admin {

/// sockaddr_un holds 108 bytes with the NUL [unix(7)].
constexpr std::size_t kLongestSocketPath = 107;

/// A device with the places that later messages point at.
struct PlacedDevice {
    DeviceConfig device;
    Place place;
};

struct PlacedTarget {
    TargetConfig target;
    Place place;
    std::vector<Place> portals;                          ///< as target.portals
    std::vector<std::pair<std::string, Place>> devices;  ///< every mention of one
};

struct PlacedDeviceGroup {
    DeviceGroupConfig group;
    Place place;
    std::vector<Place> devices;  ///< as group.devices
    std::vector<Place> ports;    ///< of all port groups in turn
};

[[nodiscard]] DaemonConfig read_daemon(Reading& reading, const Value& value);
/// The keys of a device whose handler is "user".
void read_user(const Section& section, UserConfig& user);
/// Whether the device, whose handler is "file", is a drive of CDs and DVDs by its `type`; and then its keys.
[[nodiscard]] bool is_drive(const Section& section);
void read_drive(const Section& section, DeviceConfig& device);
/// A key that would do nothing with this handler is refused: it would promise something.
void refuse_key(const Section& section, std::string_view key, std::string_view handler, std::string cause);
[[nodiscard]] PlacedDevice read_device(Reading& reading, const Value& value);
[[nodiscard]] PlacedTarget read_target(Reading& reading, const Value& value);
[[nodiscard]] PlacedDeviceGroup read_device_group(Reading& reading, const Value& value);
[[nodiscard]] AuthConfig read_auth(Reading& reading, const Value& value);
[[nodiscard]] SessionLimits read_session_limits(const Section& section);

/// What no part can see alone: names taken twice, mentions of nothing, addresses in each other's way.
void check_devices(Reading& reading, const std::vector<PlacedDevice>& devices);
void check_handler_sockets(Reading& reading, const std::vector<PlacedDevice>& devices,
                           const DaemonConfig& daemon);
void check_targets(Reading& reading, const std::vector<PlacedTarget>& targets,
                   const std::vector<PlacedDevice>& devices);
void check_device_groups(Reading& reading, const std::vector<PlacedDeviceGroup>& groups,
                         const std::vector<PlacedDevice>& devices, const std::vector<PlacedTarget>& targets);
/// Reports a name that is none of `names`, with the nearest. `kind` is "device", "target" ….
void report_unknown_name(Reading& reading, Place place, std::string_view kind, std::string_view name,
                         std::span<const std::string_view> names);

}  // namespace targe::admin
