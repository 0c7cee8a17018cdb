// Devices of a configuration, opened before initiators can see them.
#pragma once

#include "admin/config.h"
#include "admin/identity.h"
#include "admin/problem.h"
#include "admin/state_directory.h"
#include "daemon/unit_store.h"
#include "daemon/watched.h"
#include "device/device.h"

#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace targe::daemon {

/// By name.
using Devices = std::map<std::string, std::unique_ptr<device::Device>>;

/// For a disk that has to spin up first, or a share that is to be mounted: nobody is served meanwhile.
inline constexpr WatchLimits kOpeningAtStart{.slow = std::chrono::seconds{5},
                                             .stuck = std::chrono::seconds{60}};
/// Those who are served wait for nothing, but an administrator does.
inline constexpr WatchLimits kOpeningLater{.slow = std::chrono::seconds{5},
                                           .stuck = std::chrono::seconds{15}};

/// A device that is to be served.
struct OpenedDevice {
    admin::DeviceConfig config;
    admin::Identity identity;
    std::shared_ptr<DirectoryUnitStore> store;
    std::unique_ptr<device::Device> device;
};

struct Opening {
    std::vector<admin::DeviceConfig> devices;  ///< to be opened
    Devices drives = {};                       ///< those of them that are drives
    admin::Config served;                      ///< all that there is then
    /// The same, of which no two may be one store; without the paths of discs that may not answer.
    admin::Config looked_at;
    WatchLimits limits;
    std::map<std::string, admin::Identity> others = {};  ///< of devices that run, by name
};

/// All of them or none, with what is kept of each, in order. An image that is missing is made, unless it was
/// there when it was served last. What keeps a store may not answer: the log tells of that, and one that was
/// waited for too long is a problem.
[[nodiscard]] std::expected<std::vector<OpenedDevice>, admin::Problem> open_devices(
    admin::StateDirectory& state, Opening opening);

}  // namespace targe::daemon
