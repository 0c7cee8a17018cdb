// The disc of a drive, for the administrator.
#include "admin/names.h"
#include "base/log.h"
#include "daemon/ask.h"
#include "daemon/control.h"
#include "daemon/one_store.h"
#include "device/open.h"
#include "engine/logical_unit.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace targe::daemon {

std::expected<admin::DeviceStatus, admin::Problem> Control::change_disc(const admin::DiscRequest& request) {
    const auto drive = device_named(request.device);
    if (!drive) {
        return std::unexpected(drive.error());
    }
    if (!drive->config.drive) {
        return std::unexpected(
            admin::Problem{.what = fmt::format("device {} is no drive", request.device),
                           .cause = "only a device with type = \"cdrom\" has a disc that can be changed",
                           .cure = "targe device list"});
    }
    if (const auto done = exchange(*drive, request); !done) {
        return std::unexpected(done.error());
    }
    return describe(*drive);
}

std::map<std::string, admin::Problem> Control::take_discs(const admin::Config& config) {
    std::map<std::string, admin::Problem> failed;
    for (const admin::DeviceConfig& wanted : config.devices) {
        const auto drive = device_named(wanted.name);
        if (!wanted.drive || !drive || !drive->config.drive || wanted.path == path_of(*drive)) {
            continue;
        }
        if (const auto done = exchange(*drive, {.device = wanted.name, .path = wanted.path}); !done) {
            failed.emplace(wanted.name, done.error());
        }
    }
    return failed;
}

namespace {

/// For a disk that has to spin up first, or a share that is mounted when it is needed.
constexpr std::chrono::seconds kOpenLimit{15};

/// With a bound: while an image is opened no reload or change of another disc begins, and the daemon does not
/// end.
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
std::optional<admin::Problem> refuse_if_written(const admin::Config& config, admin::DeviceConfig drive,
                                                const std::string& path) {
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

std::expected<void, admin::Problem> Control::exchange(const RunningDevice& drive,
                                                      const admin::DiscRequest& request) {
    const std::lock_guard one_at_a_time(changing_);
    // As paths of the configuration are: by another name a reload would take the disc for another one.
    const std::string path = admin::plain_path(request.path);
    std::shared_ptr<device::Device> disc;
    if (!path.empty()) {
        if (auto refusal = refuse_if_written(target_.serving()->config, drive.config, path)) {
            return std::unexpected(std::move(*refusal));
        }
        auto opened = open_disc(request.device, path);
        if (!opened) {
            return std::unexpected(opened.error());
        }
        disc = std::move(*opened);
    }
    return put_in(drive, path, std::move(disc), request.force);
}

bool Control::waits_for_disc(const std::string& drive) const {
    const std::lock_guard lock(discs_->mutex);
    return discs_->waiting.contains(drive);
}

std::string Control::path_of(const RunningDevice& device) const {
    const std::lock_guard lock(discs_->mutex);
    const auto changed = discs_->paths.find(device.config.name);
    return changed == discs_->paths.end() ? device.config.path : changed->second;
}

void Control::take_late_disc(OpenedDisc opened) {
    const std::lock_guard one_at_a_time(changing_);
    const auto drive = device_named(opened.drive);
    if (!drive || !waits_for_disc(opened.drive)) {
        return;  // it was removed, or somebody has put another one in or opened the tray
    }
    const std::string& path = drive->config.path;
    if (!opened.disc) {
        log_empty_drive(drive->config, opened.disc.error());
    } else if (const auto refusal = refuse_if_written(target_.serving()->config, drive->config, path)) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(*refusal));
    } else if (const auto done = put_in(*drive, path, std::move(*opened.disc), false); !done) {
        TARGE_LOG(error, "targed", "{}", admin::to_line(done.error()));
    } else {
        return;
    }
    const std::lock_guard lock(discs_->mutex);
    discs_->waiting.erase(opened.drive);
    discs_->paths[opened.drive] = {};
}

std::expected<void, admin::Problem> Control::put_in(const RunningDevice& device, std::string path,
                                                    std::shared_ptr<device::Device> disc, bool force) {
    std::string drive = device.config.name;
    const auto& unit = device.unit;
    const auto done = ask_later<engine::DiscChanged>(unit->home().core(), [unit, disc = std::move(disc),
                                                                           force, discs = discs_, drive,
                                                                           path](auto answer) mutable {
        unit->change_disc({.disc = std::move(disc), .force = force},
                          [discs = std::move(discs), drive = std::move(drive), path = std::move(path),
                           answer = std::move(answer)](engine::DiscChanged changed) {
                              if (changed == engine::DiscChanged::changed) {
                                  const std::lock_guard lock(discs->mutex);
                                  discs->paths[drive] = path;
                                  discs->waiting.erase(drive);
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
