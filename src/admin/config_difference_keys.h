// Which keys can be applied while the daemon serves, and which need a restart.
#pragma once

#include "admin/config.h"

#include <array>
#include <string_view>

namespace targe::admin::detail {

/// A key of what T says.
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
inline constexpr auto kDaemonKeys = std::to_array<Key<Daemon>>({
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
inline constexpr auto kDeviceKeys = std::to_array<Key<Device>>({
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
inline constexpr auto kUserKeys = std::to_array<Key<User>>({
    kept<User, &User::socket>("socket"),
    kept<User, &User::allow_uids>("allow_uids"),
    kept<User, &User::allow_gids>("allow_gids"),
    kept<User, &User::type>("type"),
    kept<User, &User::hold>("hold"),
    kept<User, &User::deadline>("deadline"),
    kept<User, &User::busy_when_away>("when_away"),
});

using Target = TargetConfig;
inline constexpr auto kTargetKeys = std::to_array<Key<Target>>({
    live<Target, &Target::alias>("alias"),
    kept<Target, &Target::portals>("portals"),
    live<Target, &Target::header_digest>("header_digest"),
    live<Target, &Target::data_digest>("data_digest"),
});
/// Who sees what, and by which way: all of them or none.
inline constexpr auto kAccessKeys = std::to_array<Key<Target>>({
    live<Target, &Target::allowed_portals>("allowed_portals"),
    live<Target, &Target::auth>("auth"),
    live<Target, &Target::redirect>("redirect"),
    live<Target, &Target::initiators>("initiators"),
    live<Target, &Target::luns>("luns"),
    live<Target, &Target::groups>("group"),
});

using Limits = SessionLimits;
inline constexpr auto kLimitKeys = std::to_array<Key<Limits>>({
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
inline constexpr auto kGroupKeys = std::to_array<Key<DeviceGroup>>({
    kept<DeviceGroup, &DeviceGroup::set_by_initiators>("explicit"),
    kept<DeviceGroup, &DeviceGroup::transition_hold>("transition_hold"),
    kept<DeviceGroup, &DeviceGroup::hook>("hook"),
    kept<DeviceGroup, &DeviceGroup::hook_timeout>("hook_timeout"),
    kept<DeviceGroup, &DeviceGroup::port_groups>("port_group"),
});

}  // namespace targe::admin::detail
