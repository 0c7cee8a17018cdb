// The disc of a drive, for the administrator.
#include "base/log.h"
#include "daemon/ask.h"
#include "daemon/control.h"
#include "daemon/one_store.h"
#include "device/open.h"
#include "engine/logical_unit.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
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

namespace {

/// For a disk that has to spin up first, or a share that is mounted when it is needed.
constexpr std::chrono::seconds kOpenLimit{15};

/// With a bound: while an image is opened no other command of targe is answered, and the daemon does not end.
std::expected<std::shared_ptr<device::Device>, admin::Problem> open_disc(const std::string& drive,
                                                                         const std::string& path) {
    const auto problem = [&](std::string cause, std::string cure) {
        return std::unexpected(admin::Problem{.what = fmt::format("drive {} keeps what it has", drive),
                                              .cause = std::move(cause),
                                              .cure = std::move(cure) + "; then run this again"});
    };
    auto opened = ask_elsewhere(kOpenLimit, [path] { return device::open_disc(path); });
    if (!opened) {
        return problem(
            fmt::format("{} could not be opened within {} s: what keeps it does not answer, or no thread can "
                        "be had",
                        path, kOpenLimit.count()),
            fmt::format("findmnt -T {} says where it is kept", path));
    }
    if (!*opened) {
        return problem(opened->error().text, fmt::format("ls -l {}", path));
    }
    return std::move(**opened);
}

/// With a bound, too: the stores of other devices are looked at.
std::optional<admin::Problem> refuse_if_written(const admin::Config& config, std::size_t index,
                                                const std::string& path) {
    admin::DeviceConfig drive = config.devices[index];
    drive.path = path;
    const auto found = ask_elsewhere(
        kOpenLimit, [devices = config.devices, drive] { return disc_is_written(devices, drive); });
    if (found) {
        return *found;
    }
    return admin::Problem{
        .what = fmt::format("drive {} keeps what it has", drive.name),
        .cause =
            fmt::format("whether a device may write {} could not be found out within {} s: the store of one "
                        "does not answer, or no thread can be had",
                        path, kOpenLimit.count()),
        .cure = "targe device list; see whether what keeps their files answers; then run this again"};
}

}  // namespace

std::expected<void, admin::Problem> Control::exchange(std::size_t index, const admin::DiscRequest& request) {
    const std::lock_guard one_at_a_time(changing_);
    // As paths of the configuration are: by another name SIGHUP would take the disc for another one.
    const std::string path = std::filesystem::path(request.path).lexically_normal().string();
    std::shared_ptr<device::Device> disc;
    if (!path.empty()) {
        if (auto refusal = refuse_if_written(target_.config(), index, path)) {
            return std::unexpected(std::move(*refusal));
        }
        auto opened = open_disc(request.device, path);
        if (!opened) {
            return std::unexpected(opened.error());
        }
        disc = std::move(*opened);
    }
    return put_in(index, path, std::move(disc), request.force);
}

bool Control::waits_for_disc(std::size_t index) const {
    const std::lock_guard lock(discs_->mutex);
    return discs_->waiting.contains(index);
}

void Control::take_late_disc(OpenedDisc opened) {
    const std::lock_guard one_at_a_time(changing_);
    const admin::DeviceConfig& drive = target_.config().devices[opened.drive];
    if (!waits_for_disc(opened.drive)) {
        return;  // somebody has put another one in, or opened the tray
    }
    if (!opened.disc) {
        log_empty_drive(drive, opened.disc.error());
    } else if (const auto refusal = refuse_if_written(target_.config(), opened.drive, drive.path)) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(*refusal));
    } else if (const auto done = put_in(opened.drive, drive.path, std::move(*opened.disc), false); !done) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(done.error()));
    } else {
        return;
    }
    const std::lock_guard lock(discs_->mutex);
    discs_->waiting.erase(opened.drive);
    discs_->paths[opened.drive] = {};
}

std::expected<void, admin::Problem> Control::put_in(std::size_t index, std::string path,
                                                    std::shared_ptr<device::Device> disc, bool force) {
    std::string drive = target_.config().devices[index].name;
    const auto unit = target_.engine().units()[index];
    const auto done = ask_later<engine::DiscChanged>(unit->home().core(), [unit, disc = std::move(disc),
                                                                           force, discs = discs_, index,
                                                                           drive, path](auto answer) mutable {
        unit->change_disc({.disc = std::move(disc), .force = force},
                          [discs = std::move(discs), index, drive = std::move(drive), path = std::move(path),
                           answer = std::move(answer)](engine::DiscChanged changed) {
                              if (changed == engine::DiscChanged::changed) {
                                  const std::lock_guard lock(discs->mutex);
                                  discs->paths[index] = path;
                                  discs->waiting.erase(index);
                                  TARGE_LOG(info, "targed", "drive {}: {}", drive,
                                            path.empty() ? "the disc was taken out" : "the disc is " + path);
                              }
                              answer(changed);
                          });
    });
    if (!done) {
        return std::unexpected(admin::Problem{
            .what = fmt::format("the disc of drive {} has not been changed within {} s", drive,
                                kAnswerLimit.count()),
            .cause = "commands that read the one before do not end; when they have, it is changed after all",
            .cure = "see whether what keeps that one answers; targe device list then says which is there"});
    }
    if (*done == engine::DiscChanged::prevented) {
        return std::unexpected(admin::Problem{
            .what = fmt::format("the tray of drive {} is locked, and nothing has changed", drive),
            .cause =
                "an initiator prevents the removal of the disc, probably because it is mounted there; it "
                "can learn now that the disc is wanted",
            .cure = "unmount it there and run this again, or add --force, which is as pulling it out"});
    }
    return {};
}

}  // namespace targe::daemon
