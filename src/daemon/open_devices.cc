#include "daemon/open_devices.h"

#include "base/log.h"
#include "daemon/one_store.h"
#include "daemon/open_device.h"
#include "daemon/watched.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace targe::daemon {
namespace {

/// A disk may have to spin up first, or a share to be mounted.
constexpr std::chrono::seconds kSlow{5};
constexpr std::chrono::seconds kStuck{60};

std::optional<admin::Problem> look_for_one_store(const admin::Config& config, Steps& steps) {
    StoresOfHost host = stores_of_host();
    host.find = [&steps, find = host.find](const std::string& path) {
        steps.next(path);
        return find(path);
    };
    return one_store_twice(config.devices, host);
}

std::expected<Devices, admin::Problem> open_each(const admin::Config& config, const ServedImages& images,
                                                 Devices devices, Steps& steps) {
    // Before any of them is made larger, or the system says no more of it than that it is in use.
    if (auto twice = look_for_one_store(config, steps)) {
        return std::unexpected(std::move(*twice));
    }
    device::SpaceTrials trials;
    for (std::size_t i = 0; i < config.devices.size(); ++i) {
        const admin::DeviceConfig& wanted = config.devices[i];
        if (wanted.drive) {
            continue;
        }
        steps.next(wanted.path);
        if (auto lost = images.lost(wanted)) {
            return std::unexpected(std::move(*lost));
        }
        auto device = open_device(wanted, config, trials);
        if (!device) {
            return std::unexpected(
                admin::Problem{.what = fmt::format("device {} cannot be opened", wanted.name),
                               .cause = device.error().text,
                               .cure = wanted.path.empty() ? "" : fmt::format("ls -lL {}", wanted.path)});
        }
        devices[i] = std::move(*device);
    }
    // And now that files are there which were missing.
    if (auto twice = look_for_one_store(config, steps)) {
        return std::unexpected(std::move(*twice));
    }
    make_new_files_durable(config);
    return devices;
}

std::string name_of(const admin::Config& config, const std::string& path) {
    const auto device = std::ranges::find(config.devices, path, &admin::DeviceConfig::path);
    return device == config.devices.end() ? "" : device->name;
}

}  // namespace

std::expected<Devices, admin::Problem> open_devices(const admin::Config& config, const ServedImages& images,
                                                    Devices drives) {
    auto opened = run_watched(
        {.slow = kSlow, .stuck = kStuck},
        [&config](const std::string& path) {
            TARGE_LOG(
                warning, "targed",
                "the start waits for device {}: what keeps {} does not answer; findmnt -T {} says where "
                "it is kept",
                name_of(config, path), path, path);
        },
        [config, images, drives = std::move(drives)](Steps& steps) mutable {
            return open_each(config, images, std::move(drives), steps);
        });
    if (!opened) {
        const std::string& path = opened.error().what;
        return std::unexpected(admin::Problem{
            .what = fmt::format("device {} cannot be opened", name_of(config, path)),
            .cause = fmt::format("what keeps {} has not answered within {} s", path, kStuck.count()),
            .cure = fmt::format("findmnt -T {} says where it is kept", path)});
    }
    return std::move(*opened);
}

}  // namespace targe::daemon
