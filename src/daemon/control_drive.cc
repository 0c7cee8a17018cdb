// The disc of a drive, for the administrator.
#include "base/log.h"
#include "daemon/ask.h"
#include "daemon/control.h"
#include "device/open.h"
#include "engine/logical_unit.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace targe::daemon {

std::expected<admin::DeviceStatus, admin::Problem> Control::change_disc(const admin::DiscRequest& request) {
    const auto index = index_of(request.device);
    if (!index) {
        return std::unexpected(index.error());
    }
    if (!target_.config().devices[*index].drive) {
        return std::unexpected(
            admin::Problem{.what = fmt::format("device {} is no drive", request.device),
                           .cause = "only a device with type = \"cdrom\" has a disc that can be changed",
                           .cure = "targe device list"});
    }
    if (const auto done = exchange(*index, request); !done) {
        return std::unexpected(done.error());
    }
    return describe(*index);
}

void Control::take_discs(const admin::Config& config) {
    for (std::size_t index = 0; index < target_.config().devices.size(); ++index) {
        const admin::DeviceConfig& now = target_.config().devices[index];
        const auto wanted = std::ranges::find(config.devices, now.name, &admin::DeviceConfig::name);
        if (!now.drive || wanted == config.devices.end() || !wanted->drive ||
            wanted->path == path_of(index)) {
            continue;
        }
        if (const auto done = exchange(index, {.device = now.name, .path = wanted->path}); !done) {
            TARGE_LOG(error, "targed", "{}", admin::to_line(done.error()));
        }
    }
}

std::expected<void, admin::Problem> Control::exchange(std::size_t index, const admin::DiscRequest& request) {
    const std::lock_guard one_at_a_time(changing_);
    // As paths of the configuration are: by another name SIGHUP would take the disc for another one.
    const std::string path = std::filesystem::path(request.path).lexically_normal().string();
    std::shared_ptr<device::Device> disc;
    if (!path.empty()) {
        auto opened = device::open_disc(path);
        if (!opened) {
            return std::unexpected(
                admin::Problem{.what = fmt::format("drive {} keeps what it has", request.device),
                               .cause = opened.error().text,
                               .cure = fmt::format("ls -l {}; then run this again", path)});
        }
        disc = std::move(*opened);
    }
    const auto unit = target_.engine().units()[index];
    const auto done = ask_later<engine::DiscChanged>(
        unit->home().core(), [unit, disc = std::move(disc), force = request.force](auto answer) mutable {
            unit->change_disc({.disc = std::move(disc), .force = force}, std::move(answer));
        });
    if (!done) {
        return std::unexpected(
            core_is_stuck(fmt::format("the disc of drive {} cannot be changed", request.device)));
    }
    if (*done == engine::DiscChanged::prevented) {
        return std::unexpected(admin::Problem{
            .what = fmt::format("the tray of drive {} is locked, and nothing has changed", request.device),
            .cause =
                "an initiator prevents the removal of the disc, probably because it is mounted there; it "
                "can learn now that the disc is wanted",
            .cure = "unmount it there and run this again, or add --force, which is as pulling it out"});
    }
    {
        const std::lock_guard lock(discs_mutex_);
        discs_[index] = path;
    }
    TARGE_LOG(info, "targed", "drive {}: {}", request.device,
              path.empty() ? "the disc was taken out" : "the disc is " + path);
    return {};
}

}  // namespace targe::daemon
