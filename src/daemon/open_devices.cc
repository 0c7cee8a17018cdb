#include "daemon/open_devices.h"

#include "base/log.h"
#include "daemon/one_store.h"
#include "daemon/open_device.h"
#include "daemon/served_images.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace targe::daemon {
namespace {

std::optional<admin::Problem> look_for_one_store(const admin::Config& config, Steps& steps) {
    StoresOfHost host = stores_of_host();
    host.find = [&steps, find = host.find](const std::string& path) {
        steps.next(path);
        return find(path);
    };
    return one_store_twice(config.devices, host);
}

std::expected<Devices, admin::Problem> open_each(const Opening& opening, const ServedImages& images,
                                                 Steps& steps) {
    // Before any of them is made larger, or the system says no more of it than that it is in use.
    if (auto twice = look_for_one_store(opening.looked_at, steps)) {
        return std::unexpected(std::move(*twice));
    }
    Devices devices;
    std::vector<admin::DeviceConfig> opened;
    device::SpaceTrials trials;
    for (const admin::DeviceConfig& wanted : opening.devices) {
        if (wanted.drive) {
            continue;
        }
        steps.next(wanted.path);
        if (auto lost = images.lost(wanted)) {
            return std::unexpected(std::move(*lost));
        }
        auto device = open_device(wanted, opening.served, trials);
        if (!device) {
            return std::unexpected(
                admin::Problem{.what = fmt::format("device {} cannot be opened", wanted.name),
                               .cause = device.error().text,
                               .cure = wanted.path.empty() ? "" : fmt::format("ls -lL {}", wanted.path)});
        }
        devices.emplace(wanted.name, std::move(*device));
        opened.push_back(wanted);
    }
    // And now that files are there which were missing.
    if (auto twice = look_for_one_store(opening.looked_at, steps)) {
        return std::unexpected(std::move(*twice));
    }
    make_new_files_durable(opened, opening.served);
    return devices;
}

std::string name_of(const admin::Config& config, const std::string& path) {
    const auto device = std::ranges::find(config.devices, path, &admin::DeviceConfig::path);
    return device == config.devices.end() ? "" : device->name;
}

std::expected<Devices, admin::Problem> open_watched(Opening opening, const ServedImages& images) {
    if (opening.devices.empty()) {
        return Devices{};  // and whatever runs need not answer
    }
    const WatchLimits limits = opening.limits;
    const admin::Config config = opening.looked_at;
    auto opened = run_watched(
        limits,
        [&config](const std::string& path) {
            TARGE_LOG(warning, "targed",
                      "targed waits for device {}: what keeps {} does not answer; findmnt -T {} says where "
                      "it is kept",
                      name_of(config, path), path, path);
        },
        [opening = std::move(opening), images](Steps& steps) { return open_each(opening, images, steps); });
    if (!opened) {
        const std::string& path = opened.error().what;
        return std::unexpected(admin::Problem{
            .what = fmt::format("device {} cannot be opened", name_of(config, path)),
            .cause = fmt::format("what keeps {} has not answered within {} s", path,
                                 std::chrono::duration_cast<std::chrono::seconds>(limits.stuck).count()),
            .cure = fmt::format("findmnt -T {} says where it is kept", path)});
    }
    return std::move(*opened);
}

/// Initiators would take the two for one disk.
std::optional<admin::Problem> one_identity(const Opening& opening,
                                           const std::vector<admin::Identity>& identities) {
    for (std::size_t i = 0; i < identities.size(); ++i) {
        const auto same = std::ranges::find_if(opening.others, [&](const auto& other) {
            return other.second.naa == identities[i].naa || other.second.serial == identities[i].serial;
        });
        if (same != opening.others.end()) {
            return admin::Problem{
                .what = fmt::format("device {} cannot be added", opening.devices[i].name),
                .cause =
                    fmt::format("device {} that runs has its serial number or NAA designator", same->first),
                .cure = "targe device list; give each its own, or remove that one first"};
        }
    }
    return std::nullopt;
}

/// What is open, rather than what its path may name meanwhile.
StorePlace place_of(const admin::DeviceConfig& config, const device::Device& device) {
    const int descriptor = device.descriptor();
    if (descriptor < 0) {
        return {.path = config.path};
    }
    return {.path = config.path,
            .marks = [path = fmt::format("/proc/self/fd/{}", descriptor)] { return marks_of(path); }};
}

}  // namespace

std::expected<std::vector<OpenedDevice>, admin::Problem> open_devices(admin::StateDirectory& state,
                                                                      Opening opening) {
    const auto identities = state.identities(opening.devices);
    if (!identities) {
        return std::unexpected(identities.error());
    }
    if (auto same = one_identity(opening, *identities)) {
        return std::unexpected(std::move(*same));
    }
    auto images = ServedImages::load(state);
    if (!images) {
        return std::unexpected(images.error());
    }
    Devices devices = std::move(opening.drives);
    const std::vector<admin::DeviceConfig> wanted = opening.devices;
    const admin::Config served = opening.served;
    auto opened = open_watched(std::move(opening), *images);
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    devices.merge(*opened);
    std::vector<OpenedDevice> all;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        std::unique_ptr<device::Device>& device = devices.at(wanted[i].name);
        auto store =
            DirectoryUnitStore::open(state, wanted[i].name, StoreOwner::unit, place_of(wanted[i], *device));
        if (!store) {
            return std::unexpected(store.error());
        }
        all.push_back({.config = wanted[i],
                       .identity = (*identities)[i],
                       .store = std::move(*store),
                       .device = std::move(device)});
    }
    if (const auto kept = images->remember(state, served); !kept) {
        return std::unexpected(kept.error());
    }
    return all;
}

}  // namespace targe::daemon
