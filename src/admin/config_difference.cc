#include "admin/config_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <span>
#include <string_view>
#include <utility>

namespace targe::admin {
namespace {

template <class T>
struct Key {
    std::string_view name;
    bool (*same)(const T& a, const T& b);
    void (*take)(T& to, const T& from);  ///< null: it needs a restart
};

template <class T, auto Member>
bool same(const T& a, const T& b) {
    return a.*Member == b.*Member;
}

template <class T, auto Member>
constexpr Key<T> kept(std::string_view name) {
    return {name, same<T, Member>, nullptr};
}

template <class T, auto Member>
constexpr Key<T> live(std::string_view name) {
    return {name, same<T, Member>, [](T& to, const T& from) { to.*Member = from.*Member; }};
}

using Daemon = DaemonConfig;
constexpr auto kDaemonKeys = std::to_array<Key<Daemon>>({
    kept<Daemon, &Daemon::state_dir>("state_dir"),
    kept<Daemon, &Daemon::socket>("socket"),
    kept<Daemon, &Daemon::socket_group>("socket_group"),
    kept<Daemon, &Daemon::reactors>("reactors"),
    live<Daemon, &Daemon::log_level>("log_level"),
    kept<Daemon, &Daemon::buffer_memory_bytes>("buffer_memory"),
    kept<Daemon, &Daemon::buffer_memory_per_initiator_bytes>("buffer_memory_per_initiator"),
    kept<Daemon, &Daemon::login_timeout>("login_timeout"),
    kept<Daemon, &Daemon::half_open_logins_per_address>("half_open_logins_per_address"),
    kept<Daemon, &Daemon::max_connections>("max_connections"),
    kept<Daemon, &Daemon::move_sessions>("move_sessions"),
});

using Device = DeviceConfig;
constexpr auto kDeviceKeys = std::to_array<Key<Device>>({
    kept<Device, &Device::handler>("handler"),
    kept<Device, &Device::path>("path"),
    kept<Device, &Device::drive>("type"),
    kept<Device, &Device::size_bytes>("size"),
    kept<Device, &Device::block_size>("block_size"),
    kept<Device, &Device::physical_block_size>("physical_block_size"),
    kept<Device, &Device::thin>("thin"),
    kept<Device, &Device::threshold_available_bytes>("threshold_available"),
    kept<Device, &Device::threshold_used_bytes>("threshold_used"),
    kept<Device, &Device::read_only>("read_only"),
    kept<Device, &Device::removable>("removable"),
    kept<Device, &Device::rotational>("rotational"),
    kept<Device, &Device::direct>("direct"),
    kept<Device, &Device::write_cache>("write_cache"),
    kept<Device, &Device::task_set>("task_set"),
    kept<Device, &Device::max_commands>("max_commands"),
    kept<Device, &Device::serial>("serial"),
    kept<Device, &Device::naa>("naa"),
    kept<Device, &Device::vendor>("vendor"),
    kept<Device, &Device::product>("product"),
    kept<Device, &Device::revision>("revision"),
});

using User = UserConfig;
constexpr auto kUserKeys = std::to_array<Key<User>>({
    kept<User, &User::socket>("socket"),
    kept<User, &User::allow_uids>("allow_uids"),
    kept<User, &User::allow_gids>("allow_gids"),
    kept<User, &User::type>("type"),
    kept<User, &User::hold>("hold"),
    kept<User, &User::deadline>("deadline"),
    kept<User, &User::busy_when_away>("when_away"),
});

using Target = TargetConfig;
constexpr auto kTargetKeys = std::to_array<Key<Target>>({
    live<Target, &Target::alias>("alias"),
    kept<Target, &Target::portals>("portals"),
    live<Target, &Target::allowed_portals>("allowed_portals"),
    live<Target, &Target::auth>("auth"),
    live<Target, &Target::header_digest>("header_digest"),
    live<Target, &Target::data_digest>("data_digest"),
    live<Target, &Target::redirect>("redirect"),
});
/// Who sees what: all of them or none.
constexpr auto kMapKeys = std::to_array<Key<Target>>({
    live<Target, &Target::initiators>("initiators"),
    live<Target, &Target::luns>("luns"),
    live<Target, &Target::groups>("group"),
});

using Limits = SessionLimits;
constexpr auto kLimitKeys = std::to_array<Key<Limits>>({
    kept<Limits, &Limits::max_sessions>("max_sessions"),
    kept<Limits, &Limits::queue_depth>("queue_depth"),
    kept<Limits, &Limits::commands_per_lun>("commands_per_lun"),
    live<Limits, &Limits::max_recv_data_segment_length>("max_recv_data_segment_length"),
    live<Limits, &Limits::max_burst_length>("max_burst_length"),
    live<Limits, &Limits::first_burst_length>("first_burst_length"),
    live<Limits, &Limits::max_outstanding_r2t>("max_outstanding_r2t"),
    live<Limits, &Limits::initial_r2t>("initial_r2t"),
    live<Limits, &Limits::immediate_data>("immediate_data"),
    kept<Limits, &Limits::nop_interval>("nop_interval"),
    kept<Limits, &Limits::nop_timeout>("nop_timeout"),
    kept<Limits, &Limits::async_events>("async_events"),
});

using DeviceGroup = DeviceGroupConfig;
constexpr auto kGroupKeys = std::to_array<Key<DeviceGroup>>({
    kept<DeviceGroup, &DeviceGroup::set_by_initiators>("explicit"),
    kept<DeviceGroup, &DeviceGroup::transition_hold>("transition_hold"),
    kept<DeviceGroup, &DeviceGroup::hook>("hook"),
    kept<DeviceGroup, &DeviceGroup::hook_timeout>("hook_timeout"),
    kept<DeviceGroup, &DeviceGroup::port_groups>("port_group"),
});

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
        order_as_wanted();
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

    /// Why the LUNs that the target is to have must wait; empty: they need not.
    [[nodiscard]] std::string obstacle(const TargetConfig& wanted, const TargetConfig& next) const {
        const std::set<std::string> devices = devices_of(wanted);
        for (const std::string& device : devices) {
            if (find(found_.next.devices, device) == nullptr) {
                return fmt::format("device {} is not there before", device);
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

    void compare_target(const TargetConfig& wanted) {
        const std::string subject = "target " + wanted.name;
        const auto next = std::ranges::find(found_.next.targets, wanted.name, &TargetConfig::name);
        if (next == found_.next.targets.end()) {
            waits(subject, "added");
            return;
        }
        keys<Target>(kTargetKeys, subject, *next, wanted);
        keys<Limits>(kLimitKeys, subject, next->limits, wanted.limits);
        const std::string why = obstacle(wanted, *next);
        if (why.empty()) {
            keys<Target>(kMapKeys, subject, *next, wanted);
            return;
        }
        for (const Key<Target>& key : kMapKeys) {
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
                waits("target " + target.name, "removed");
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
        if (device.handler == Handler::user) {
            waits(subject, "removed", "a handler is let go of only then; no initiator sees it any more");
            return;
        }
        std::erase_if(found_.next.devices, [&](const auto& each) { return each.name == device.name; });
        for (DeviceGroupConfig& group : found_.next.device_groups) {
            std::erase(group.devices, device.name);
        }
        changed(subject, "removed");
    }

    /// As after a restart; what is only there until then comes last.
    void order_as_wanted() {
        std::vector<DeviceConfig> ordered;
        for (const std::vector<DeviceConfig>* const names : {&wanted_.devices, &running_.devices}) {
            for (const DeviceConfig& each : *names) {
                const DeviceConfig* const device = find(found_.next.devices, each.name);
                if (device != nullptr && find(ordered, each.name) == nullptr) {
                    ordered.push_back(*device);
                }
            }
        }
        found_.next.devices = std::move(ordered);
    }

    const Config& running_;
    const Config& wanted_;
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
