// From what runs to what is to run, without a session that ends for it.
#include "base/open_files.h"
#include "daemon/ask.h"
#include "daemon/limits.h"
#include "daemon/running_target.h"
#include "device/disc_drive.h"
#include "device/user_device.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace targe::daemon {
namespace {

/// Of commands of a device or LUN that was removed, before the administrator is told that they have not
/// ended: longer than initiators wait for their status then, Limits::lost_lun_deadline.
constexpr std::chrono::seconds kEndLimit{5};

/// Of initiators of a target that was removed, to log out; then of what they have in flight.
constexpr std::chrono::seconds kLogoutLimit{3};
constexpr std::chrono::seconds kPartLimit{5};

template <class Named>
bool has(const std::vector<Named>& all, const std::string& name) {
    return std::ranges::find(all, name, &Named::name) != all.end();
}

bool same_maps(const admin::TargetConfig& a, const admin::TargetConfig& b) {
    return a.luns == b.luns && a.groups == b.groups && a.initiators == b.initiators;
}

bool maps_are_new(const admin::TargetConfig& target, const Serving& before) {
    const auto was = std::ranges::find(before.config.targets, target.name, &admin::TargetConfig::name);
    return was == before.config.targets.end() || !same_maps(*was, target);
}

/// A command ends when its store has answered, and its initiator has taken what it was sent.
std::string look_at_both(const admin::DeviceConfig& device) {
    const std::string store =
        device.path.empty() ? "" : fmt::format("see whether what keeps {} answers; ", device.path);
    return store +
           "targe session list shows whose commands are in flight, and targe session drop ends one "
           "that takes no answers";
}

admin::Problem not_let_go_of(const admin::DeviceConfig& device) {
    const std::string late =
        fmt::format("commands that it had then have not ended within {} s", kEndLimit.count());
    if (device.handler == admin::Handler::user) {
        return {.what = fmt::format("device {} is removed, and its handler is still attached", device.name),
                .cause = late,
                .cure = look_at_both(device) + "; the next targe reload lets go of it when they have"};
    }
    return {.what = fmt::format("device {} is removed, and its store is still open", device.name),
            .cause = late + "; when they have, it is closed",
            .cure = look_at_both(device)};
}

}  // namespace

std::optional<admin::Problem> RunningTarget::refusal(const std::vector<admin::DeviceConfig>& added,
                                                     const admin::Config& next) {
    for (const admin::DeviceConfig& device : added) {
        const auto leaving =
            std::ranges::find(leaving_, device.name, [](const Leaving& each) { return each.config.name; });
        if (leaving != leaving_.end()) {
            return admin::Problem{
                .what = fmt::format("device {} cannot be added yet", device.name),
                .cause = "one of this name was removed, and commands that it had then have not ended",
                .cure = fmt::format("{}; then run targe reload again", look_at_both(leaving->config))};
        }
    }
    admin::Config config = next;
    config.daemon.max_connections = max_connections_;
    const std::uint64_t wanted = descriptors_wanted(config, reactors_->size());
    const auto limit = raise_descriptor_limit();
    if (!added.empty() && limit && *limit < wanted) {
        return admin::Problem{
            .what = fmt::format("device {} cannot be added", added.front().name),
            .cause = fmt::format("up to {} file descriptors may be needed for {} devices and {} connections, "
                                 "and the limit of the process is {}",
                                 wanted, config.devices.size(), max_connections_, *limit),
            .cure =
                fmt::format("restart targed, with fewer connections; or {}", base::allow_more_open_files())};
    }
    return std::nullopt;
}

std::expected<std::vector<OpenedDevice>, admin::Problem> RunningTarget::open_new(
    const admin::Config& next, const std::set<std::string>& waiting_for_disc) {
    const auto serving = serving_.get();
    Opening opening{.devices = {}, .served = next, .looked_at = next, .limits = kOpeningLater};
    for (admin::DeviceConfig& device : opening.looked_at.devices) {
        const bool added = serving->find(device.name) == nullptr;
        if (device.drive && (added || waiting_for_disc.contains(device.name))) {
            device.path.clear();
        }
        if (!added) {
            continue;
        }
        opening.devices.push_back(device);
        if (device.drive) {
            opening.drives.emplace(device.name, std::make_unique<device::DiscDrive>(nullptr));
        }
    }
    if (auto refused = refusal(opening.devices, next)) {
        return std::unexpected(std::move(*refused));
    }
    // What goes with this reload is there until then.
    for (const RunningDevice& device : serving->devices) {
        opening.others.emplace(device.config.name, device.identity);
        if (!has(next.devices, device.config.name)) {
            opening.looked_at.devices.push_back(device.config);
        }
    }
    std::ranges::transform(leaving_, std::back_inserter(opening.looked_at.devices), &Leaving::config);
    return daemon::open_devices(*state_, std::move(opening));
}

RunningTarget::Targets RunningTarget::put_in_force(std::vector<OpenedDevice> opened,
                                                   std::shared_ptr<Serving> next) {
    Targets remapped;
    const auto before = serving_.get();
    for (const admin::DeviceConfig& config : next->config.devices) {
        const RunningDevice* const runs = before ? before->find(config.name) : nullptr;
        if (runs != nullptr) {
            next->devices.push_back(*runs);
            continue;
        }
        const auto at =
            std::ranges::find(opened, config.name, [](const OpenedDevice& each) { return each.config.name; });
        TARGE_ASSERT(at != opened.end());
        RunningDevice device{.config = at->config, .identity = at->identity, .store = at->store, .unit = {}};
        device.unit = engine_->add_unit(unit_settings(std::move(*at), *next));
        next->devices.push_back(std::move(device));
    }
    // First, so that nobody logs in meanwhile who may not see what the maps will have.
    directory_.replace(next->config);
    for (const admin::TargetConfig& target : next->config.targets) {
        engine::Target* const runs = engine_->find_target(target.name);
        if (runs == nullptr) {
            engine::Target& added =
                engine_->add_target(target.name, maps_of(target, *next), ports_of(target, next->ports));
            added.limit_commands(target.limits.commands_per_lun);
            if (service_) {
                service_->add_target(session_settings(target, added));
            }
        } else if (maps_are_new(target, *before)) {
            runs->set_maps(std::make_shared<const engine::LunMaps>(maps_of(target, *next)));
            remapped.push_back(runs);
        }
    }
    if (before) {
        for (const admin::TargetConfig& target : before->config.targets) {
            if (!has(next->config.targets, target.name)) {
                engine_->remove_target(*engine_->find_target(target.name));
            }
        }
        for (const RunningDevice& device : before->devices) {
            if (next->find(device.config.name) == nullptr) {
                engine_->remove_unit(device.unit);
            }
        }
    }
    serving_.set(std::move(next));
    applying_ = false;
    return remapped;
}

/// Of devices that stay, and that others may be about to get.
std::vector<admin::Problem> RunningTarget::await_lost_luns(const Targets& remapped, Until until) {
    std::vector<admin::Problem> late;
    for (engine::Target* const target : remapped) {
        const auto acts = [&](base::Core* const core) {
            return ask(*core,
                       [target, core] {
                           return std::ranges::any_of(target->nexuses(*core),
                                                      &engine::Nexus::acts_at_lost_luns);
                       })
                .value_or(true);
        };
        while (std::ranges::any_of(reactors_->cores(), acts)) {
            if (std::chrono::steady_clock::now() >= until) {
                late.push_back(
                    {.what =
                         fmt::format("LUNs of target {} are removed, and commands that initiators had there "
                                     "may still act",
                                     target->name()),
                     .cause = fmt::format("they have not ended within {} s", kEndLimit.count()),
                     .cure =
                         "see whether what keeps the devices of these LUNs answers, before others use them"});
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }
    return late;
}

/// Closes what was removed, when the last command has ended: here, where a store that is slow to close keeps
/// nobody waiting.
std::vector<admin::Problem> RunningTarget::let_go(std::shared_ptr<const Serving> before, Until until) {
    const auto now = serving_.get();
    std::vector<RunningDevice> gone;
    for (const RunningDevice& device : before->devices) {
        if (now->find(device.config.name) == nullptr) {
            gone.push_back(device);
        }
    }
    before.reset();
    std::vector<admin::Problem> late;
    for (RunningDevice& device : gone) {
        while (device.unit.use_count() > 1 && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        const bool may_end = device.config.handler != admin::Handler::user ||
                             (device.unit.use_count() == 1 && leave_cores(*device.unit, until));
        leaving_.push_back(
            {.config = device.config, .unit = device.unit, .kept = may_end ? nullptr : device.unit});
        device.unit.reset();
        if (!leaving_.back().unit.expired()) {
            late.push_back(not_let_go_of(device.config));
        }
    }
    return late;
}

void RunningTarget::forget_what_has_left() {
    for (Leaving& each : leaving_) {
        if (each.kept.use_count() == 1 && leave_cores(*each.kept, std::chrono::steady_clock::now())) {
            each.kept.reset();
        }
    }
    std::erase_if(leaving_, [](const Leaving& each) { return each.unit.expired(); });
}

/// A handler's queues belong to cores, each of which lets go of its own.
bool RunningTarget::leave_cores(const engine::LogicalUnit& unit, Until until) {
    auto* const user = dynamic_cast<device::UserDevice*>(&unit.device());
    TARGE_ASSERT(user != nullptr);
    return std::ranges::all_of(reactors_->cores(), [&](base::Core* const core) {
        while (!ask(*core, [user] { return user->leave_core(); }).value_or(false)) {
            if (std::chrono::steady_clock::now() >= until) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        return true;
    });
}

std::expected<void, admin::Problem> RunningTarget::part_with_targets(const Serving& before,
                                                                     const admin::Config& next) {
    admin::Config left = before.config;
    std::erase_if(left.targets, [&](const auto& target) { return !has(next.targets, target.name); });
    if (left.targets.size() == before.config.targets.size()) {
        return {};
    }
    const auto gone = ask(*reactors_->cores()[0], [this, left, all = before.config.targets] {
        Targets targets;
        directory_.replace(left);
        for (const admin::TargetConfig& target : all) {
            if (!has(left.targets, target.name)) {
                targets.push_back(engine_->find_target(target.name));
                service_->remove_target(*targets.back(), kLogoutLimit);
            }
        }
        return targets;
    });
    if (!gone) {
        return std::unexpected(core_is_stuck("targets that go are closed only later"));
    }
    const auto has_sessions = [&](base::Core* const core) {
        return ask(*core,
                   [this, core, targets = *gone] {
                       return std::ranges::any_of(targets, [&](const engine::Target* target) {
                           return service_->has_sessions_of(*target, *core);
                       });
                   })
            .value_or(false);
    };
    const auto until = std::chrono::steady_clock::now() + kPartLimit;
    while (std::ranges::any_of(reactors_->cores(), has_sessions) &&
           std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return {};
}

std::expected<std::vector<admin::Problem>, admin::Problem> RunningTarget::apply(
    const admin::Config& next, const std::set<std::string>& waiting_for_disc) {
    if (applying_) {
        return std::unexpected(core_is_stuck("the configuration before is not in force yet"));
    }
    auto opened = open_new(next, waiting_for_disc);
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    auto ports = admin::target_ports(*state_, next.targets);
    if (!ports) {
        return std::unexpected(std::move(ports.error()));
    }
    auto before = serving_.get();
    ports->insert(before->ports.begin(), before->ports.end());  // of those that go: device groups know them
    if (const auto parted = part_with_targets(*before, next); !parted) {
        return std::unexpected(parted.error());
    }
    auto serving = std::make_shared<Serving>(
        Serving{.config = next, .ports = std::move(*ports), .devices = {}, .groups = before->groups});
    for (RunningDeviceGroup& group : serving->groups) {
        group.config =
            *std::ranges::find(next.device_groups, group.config.name, &admin::DeviceGroupConfig::name);
    }
    applying_ = true;
    const auto done = ask(*reactors_->cores()[0],
                          [this, opened = std::move(*opened), serving = std::move(serving)]() mutable {
                              return put_in_force(std::move(opened), std::move(serving));
                          });
    if (!done) {
        return std::unexpected(core_is_stuck("what has changed is in force only later"));
    }
    // Each core has had a message of the first one by now, with the maps of targets.
    const bool everywhere = std::ranges::all_of(reactors_->cores(), [](base::Core* const core) {
        return ask(*core, [] { return true; }).has_value();
    });
    const auto until = std::chrono::steady_clock::now() + kEndLimit;
    std::vector<admin::Problem> late = let_go(std::move(before), until);
    if (late.empty()) {
        late = await_lost_luns(*done, until);
    }
    if (!everywhere) {
        late.push_back(core_is_stuck("some sessions have the LUNs of before"));
    }
    return late;
}

}  // namespace targe::daemon
