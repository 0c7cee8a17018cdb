#include "admin/config_difference.h"

#include "admin/config_difference_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace targe::admin {
namespace {

using detail::Daemon;
using detail::Device;
using detail::DeviceGroup;
using detail::kAccessKeys;
using detail::kDaemonKeys;
using detail::kDeviceKeys;
using detail::Key;
using detail::kGroupKeys;
using detail::kLimitKeys;
using detail::kTargetKeys;
using detail::kUserKeys;
using detail::Limits;
using detail::Target;
using detail::User;

template <class Named>
const Named* find(const std::vector<Named>& all, std::string_view name) {
    const auto at = std::ranges::find(all, name, &Named::name);
    return at == all.end() ? nullptr : &*at;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

std::set<std::string> devices_of(const TargetConfig& target) {
    std::set<std::string> devices;
    const auto add = [&](const std::vector<LunConfig>& luns) {
        std::ranges::transform(luns, std::inserter(devices, devices.end()), &LunConfig::device);
    };
    add(target.luns);
    for (const GroupConfig& group : target.groups) {
        add(group.luns);
    }
    return devices;
}

/// Whose blocks initiators see, and whether they may change them.
bool is_what_it_was(const DeviceConfig& a, const DeviceConfig& b) {
    return a.handler == b.handler && a.path == b.path && a.drive == b.drive && a.read_only == b.read_only &&
           a.user.socket == b.user.socket;
}

/// The first LUN that is another device than it was; empty: none is.
std::string exchanged(const std::vector<LunConfig>& before, const std::vector<LunConfig>& now) {
    for (const LunConfig& was : before) {
        const auto is = std::ranges::find(now, was.lun, &LunConfig::lun);
        if (is != now.end() && is->device != was.device) {
            return fmt::format("LUN {} was {}, and who has it in use goes on with {}", was.lun, was.device,
                               is->device);
        }
    }
    return {};
}

std::string exchanged(const std::vector<GroupConfig>& before, const std::vector<GroupConfig>& now) {
    for (const GroupConfig& was : before) {
        const GroupConfig* const is = find(now, was.name);
        if (std::string lun = is == nullptr ? "" : exchanged(was.luns, is->luns); !lun.empty()) {
            return fmt::format("{}, in group {}", lun, was.name);
        }
    }
    return {};
}

bool lists(const DeviceGroupConfig& group, const PortConfig& port) {
    return std::ranges::any_of(group.port_groups, [&](const PortGroupConfig& each) {
        return std::ranges::find(each.ports, port) != each.ports.end();
    });
}

class Comparison {
public:
    Comparison(const Config& running, const Config& wanted) : running_(running), wanted_(wanted) {
        found_.next = running;
    }

    ConfigDifference result() {
        keys<Daemon>(kDaemonKeys, "daemon", found_.next.daemon, wanted_.daemon);
        if (running_.discovery_auth != wanted_.discovery_auth) {
            found_.next.discovery_auth = wanted_.discovery_auth;
            changed("discovery", "auth");
        }
        for (const DeviceGroupConfig& group : wanted_.device_groups) {
            compare_group(group);
        }
        for (const DeviceConfig& device : wanted_.devices) {
            compare_device(device);
        }
        for (const TargetConfig& target : wanted_.targets) {
            compare_target(target);
        }
        look_for_what_is_not_wanted();
        order(found_.next.devices, wanted_.devices, running_.devices);
        order(found_.next.targets, wanted_.targets, running_.targets);
        return std::move(found_);
    }

private:
    void changed(std::string subject, std::string_view what) {
        found_.changes.push_back({.subject = std::move(subject), .what = std::string(what)});
    }
    void waits(std::string subject, std::string_view what, std::string why = {}) {
        found_.needs_restart.push_back(
            {.subject = std::move(subject), .what = std::string(what), .why = std::move(why)});
    }

    /// What else is to be known of a change.
    void explain(const std::string& subject, std::string_view what, const std::string& why) {
        for (ConfigChange& change : found_.changes) {
            if (change.subject == subject && change.what == what) {
                change.why = why;
            }
        }
    }

    template <class T>
    void keys(std::span<const Key<T>> all, const std::string& subject, T& next, const T& wanted) {
        for (const Key<T>& key : all) {
            if (key.same(next, wanted)) {
                continue;
            }
            if (key.take == nullptr) {
                waits(subject, key.name);
            } else {
                key.take(next, wanted);
                changed(subject, key.name);
            }
        }
    }

    void compare_group(const DeviceGroupConfig& wanted) {
        const std::string subject = "device_group " + wanted.name;
        const auto next = std::ranges::find(found_.next.device_groups, wanted.name, &DeviceGroupConfig::name);
        if (next == found_.next.device_groups.end()) {
            waits(subject, "added");
            return;
        }
        keys<DeviceGroup>(kGroupKeys, subject, *next, wanted);
        bool moved = std::ranges::any_of(next->devices, [&](const std::string& device) {
            return find(wanted_.devices, device) != nullptr && !has(wanted.devices, device);
        });
        for (const std::string& device : wanted.devices) {
            if (has(next->devices, device)) {
                continue;
            }
            if (find(running_.devices, device) != nullptr) {
                moved = true;
            } else {
                next->devices.push_back(device);
            }
        }
        if (moved) {
            waits(subject, "devices", "a device keeps the paths that it was started with");
        }
    }

    void compare_device(DeviceConfig wanted) {
        const std::string subject = "device " + wanted.name;
        const auto next = std::ranges::find(found_.next.devices, wanted.name, &DeviceConfig::name);
        if (next != found_.next.devices.end()) {
            if (wanted.drive && next->drive && std::exchange(next->path, wanted.path) != wanted.path) {
                changed(subject, "path");
            }
            if (!is_what_it_was(*next, wanted)) {
                other_then_.insert(wanted.name);
            }
            keys<Device>(kDeviceKeys, subject, *next, wanted);
            keys<User>(kUserKeys, subject, next->user, wanted.user);
            return;
        }
        const auto group = std::ranges::find_if(
            wanted_.device_groups, [&](const auto& each) { return has(each.devices, wanted.name); });
        if (group != wanted_.device_groups.end() && find(running_.device_groups, group->name) == nullptr) {
            waits(subject, "added", fmt::format("its device group {} is new", group->name));
            return;
        }
        found_.next.devices.push_back(std::move(wanted));
        changed(subject, "added");
    }

    /// Why who is to see what of the target must wait; empty: it need not. Where a part of it could be had,
    /// somebody might see what neither configuration shows him.
    [[nodiscard]] std::string obstacle(const TargetConfig& wanted, const TargetConfig& next) const {
        const std::set<std::string> devices = devices_of(wanted);
        for (const std::string& device : devices) {
            if (find(found_.next.devices, device) == nullptr) {
                return fmt::format("device {} is not there before", device);
            }
            if (other_then_.contains(device)) {
                return fmt::format("device {} is what it was before", device);
            }
        }
        for (const PortalConfig& portal : next.portals) {
            if (std::ranges::find(wanted.portals, portal.listen, &PortalConfig::listen) ==
                wanted.portals.end()) {
                return fmt::format("the portal {} is closed only then", to_string(portal.listen));
            }
        }
        for (const DeviceGroupConfig& group : found_.next.device_groups) {
            const bool maps = std::ranges::any_of(
                group.devices, [&](const std::string& device) { return devices.contains(device); });
            for (const PortalConfig& portal : next.portals) {
                if (maps && !lists(group, {.target = next.name, .portal_group = portal.group})) {
                    return fmt::format("none of the port groups of device group {} has its portal group {}",
                                       group.name, portal.group);
                }
            }
        }
        return {};
    }

    /// Why the target that is new must wait; empty: it need not.
    [[nodiscard]] std::string obstacle(const TargetConfig& wanted) const {
        if (running_.targets.empty()) {
            return "nothing listens before";
        }
        for (const PortalConfig& portal : wanted.portals) {
            const bool open = std::ranges::any_of(running_.targets, [&](const TargetConfig& target) {
                return std::ranges::find(target.portals, portal.listen, &PortalConfig::listen) !=
                       target.portals.end();
            });
            if (!open) {
                return fmt::format("the portal {} is opened only then", to_string(portal.listen));
            }
            if (portal.relative_port) {
                return "'relative_port' may be the number of another port until then";
            }
        }
        const auto [least, most] = std::ranges::minmax(
            running_.targets, {}, [](const auto& each) { return each.limits.queue_depth; });
        const std::uint32_t depth = wanted.limits.queue_depth;
        if (depth < least.limits.queue_depth || depth > most.limits.queue_depth) {
            return "its 'queue_depth' is none that targets have now";
        }
        return obstacle(wanted, wanted);
    }

    void add_target(const TargetConfig& wanted) {
        const std::string subject = "target " + wanted.name;
        std::string why = obstacle(wanted);
        if (why.empty()) {
            found_.next.targets.push_back(wanted);
            changed(subject, "added");
        } else {
            waits(subject, "added", std::move(why));
        }
    }

    void remove(const TargetConfig& target) {
        const std::string subject = "target " + target.name;
        if (wanted_.targets.empty()) {  // such as a file that was cut
            waits(subject, "removed", "no target would be left");
            return;
        }
        const auto group =
            std::ranges::find_if(found_.next.device_groups, [&](const DeviceGroupConfig& each) {
                return std::ranges::any_of(target.portals, [&](const PortalConfig& portal) {
                    return lists(each, {.target = target.name, .portal_group = portal.group});
                });
            });
        if (group != found_.next.device_groups.end()) {
            waits(subject, "removed", fmt::format("device group {} has its ports until then", group->name));
            return;
        }
        std::erase_if(found_.next.targets, [&](const auto& each) { return each.name == target.name; });
        changed(subject, "removed");
    }

    void compare_target(const TargetConfig& wanted) {
        const std::string subject = "target " + wanted.name;
        const auto next = std::ranges::find(found_.next.targets, wanted.name, &TargetConfig::name);
        if (next == found_.next.targets.end()) {
            add_target(wanted);
            return;
        }
        keys<Target>(kTargetKeys, subject, *next, wanted);
        keys<Limits>(kLimitKeys, subject, next->limits, wanted.limits);
        const std::string why = obstacle(wanted, *next);
        if (why.empty()) {
            const std::string of_all = exchanged(next->luns, wanted.luns);
            const std::string of_groups = exchanged(next->groups, wanted.groups);
            keys<Target>(kAccessKeys, subject, *next, wanted);
            explain(subject, "luns", of_all);
            explain(subject, "group", of_groups);
            return;
        }
        for (const Key<Target>& key : kAccessKeys) {
            if (!key.same(*next, wanted)) {
                waits(subject, key.name, why);
            }
        }
    }

    void look_for_what_is_not_wanted() {
        for (const DeviceGroupConfig& group : running_.device_groups) {
            if (find(wanted_.device_groups, group.name) == nullptr) {
                waits("device_group " + group.name, "removed");
            }
        }
        for (const TargetConfig& target : running_.targets) {
            if (find(wanted_.targets, target.name) == nullptr) {
                remove(target);
            }
        }
        for (const DeviceConfig& device : running_.devices) {
            if (find(wanted_.devices, device.name) == nullptr) {
                remove(device);
            }
        }
    }

    void remove(const DeviceConfig& device) {
        const std::string subject = "device " + device.name;
        const auto user = std::ranges::find_if(found_.next.targets, [&](const TargetConfig& target) {
            return devices_of(target).contains(device.name);
        });
        if (user != found_.next.targets.end()) {
            waits(subject, "removed", fmt::format("target {} has it until then", user->name));
            return;
        }
        std::erase_if(found_.next.devices, [&](const auto& each) { return each.name == device.name; });
        for (DeviceGroupConfig& group : found_.next.device_groups) {
            std::erase(group.devices, device.name);
        }
        changed(subject, "removed");
    }

    /// As after a restart; what is only there until then comes last.
    template <class Named>
    static void order(std::vector<Named>& next, const std::vector<Named>& wanted,
                      const std::vector<Named>& running) {
        std::vector<Named> ordered;
        for (const std::vector<Named>* const names : {&wanted, &running}) {
            for (const Named& each : *names) {
                const Named* const one = find(next, each.name);
                if (one != nullptr && find(ordered, each.name) == nullptr) {
                    ordered.push_back(*one);
                }
            }
        }
        next = std::move(ordered);
    }

    const Config& running_;
    const Config& wanted_;
    std::set<std::string> other_then_;  ///< devices that a restart makes something else
    ConfigDifference found_;
};

}  // namespace

ConfigDifference difference(const Config& running, const Config& wanted) {
    return Comparison(running, wanted).result();
}

std::string to_string(const ConfigChange& change) {
    return fmt::format("{}: {}{}", change.subject, change.what,
                       change.why.empty() ? "" : " (" + change.why + ")");
}

}  // namespace targe::admin
