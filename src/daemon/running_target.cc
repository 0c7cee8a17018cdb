#include "daemon/running_target.h"

#include "base/log.h"
#include "base/open_files.h"
#include "daemon/access.h"
#include "daemon/ask.h"
#include "daemon/limits.h"
#include "daemon/open_device.h"
#include "device/disc_drive.h"
#include "transport/tcp_listener.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace targe::daemon {
namespace {

/// Room for a few transfers at once, however many cores share the memory.
constexpr std::uint64_t kLeastBuffersOfACore = std::uint64_t{4} << 20U;

/// After the initiators' time to log out: the last message, the end of the streams, the commands.
constexpr std::chrono::milliseconds kEndLimit{3'000};

std::vector<engine::LunEntry> entries(const std::vector<admin::LunConfig>& luns, engine::Engine& engine) {
    std::vector<engine::LunEntry> result;
    for (const admin::LunConfig& lun : luns) {
        const auto unit =
            std::ranges::find_if(engine.units(), [&](const auto& u) { return u->name() == lun.device; });
        TARGE_ASSERT(unit != engine.units().end());  // the configuration was checked
        result.push_back({.lun = lun.lun, .unit = *unit, .read_only = lun.read_only});
    }
    return result;
}

engine::LunMaps maps_of(const admin::TargetConfig& target, engine::Engine& engine) {
    engine::LunMaps maps{.luns = entries(target.luns, engine), .groups = {}};
    for (const admin::GroupConfig& group : target.groups) {
        maps.groups.push_back(
            {.name = group.name, .initiators = group.initiators, .luns = entries(group.luns, engine)});
    }
    return maps;
}

std::vector<engine::TargetPort> ports_of(const admin::TargetConfig& target,
                                         const admin::TargetPorts& numbers) {
    std::vector<engine::TargetPort> ports;
    for (const admin::PortalConfig& portal : target.portals) {
        if (std::ranges::find(ports, portal.group, &engine::TargetPort::portal_group) == ports.end()) {
            ports.push_back({.portal_group = portal.group,
                             .relative_target_port = numbers.at({target.name, portal.group})});
        }
    }
    return ports;
}

std::shared_ptr<engine::DeviceGroup> group_of(const std::string& device, const admin::Config& config,
                                              const engine::Engine& engine) {
    for (std::size_t i = 0; i < config.device_groups.size(); ++i) {
        const auto& devices = config.device_groups[i].devices;
        if (std::ranges::find(devices, device) != devices.end()) {
            return engine.groups()[i];
        }
    }
    return nullptr;
}

std::expected<std::shared_ptr<device::Device>, std::string> open_disc(const std::string& path) {
    auto disc = device::open_disc(path);
    if (!disc) {
        return std::unexpected(std::move(disc.error().text));
    }
    return std::move(*disc);
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

/// How many connections there may be.
std::uint32_t check_descriptors(const admin::Config& config, std::size_t reactors) {
    const std::uint64_t wanted = descriptors_wanted(config, reactors);
    const auto limit = raise_descriptor_limit();
    if (!limit || *limit >= wanted) {
        return config.daemon.max_connections;
    }
    const std::uint32_t connections = connections_within(config, reactors, *limit);
    TARGE_LOG(warning, "targed",
              "up to {} file descriptors may be needed for {} devices and {} connections, and the limit of "
              "the process is {}: no more than {} connections are let in; {} or lower daemon.max_connections",
              wanted, config.devices.size(), config.daemon.max_connections, *limit, connections,
              base::allow_more_open_files());
    return connections;
}

}  // namespace

void log_empty_drive(const admin::DeviceConfig& drive, const std::string& why) {
    TARGE_LOG(
        error, "targed",
        "drive {} is empty: {}; put that right and send targed SIGHUP, or put another disc in by 'targe "
        "cdrom insert {} IMAGE'; ls -lL {}",
        drive.name, why, drive.name, drive.path);
}

std::expected<std::unique_ptr<RunningTarget>, admin::Problem> RunningTarget::start(
    const admin::Config& config) {
    std::unique_ptr<RunningTarget> target(new RunningTarget(config));
    using Step = std::expected<void, admin::Problem> (RunningTarget::*)();
    for (const Step step :
         {&RunningTarget::open_state, &RunningTarget::open_devices, &RunningTarget::start_reactors}) {
        if (const auto done = (target.get()->*step)(); !done) {
            return std::unexpected(done.error());
        }
    }
    return target;
}

RunningTarget::~RunningTarget() {
    if (reactors_) {
        for (const std::string& leak : stop(std::chrono::seconds{1})) {
            TARGE_LOG(error, "shutdown", "still held: {}", leak);
        }
    }
}

RunningTarget::RunningTarget(const admin::Config& config)
    : config_(config), directory_(config), discs_(open_disc) {}

std::expected<void, admin::Problem> RunningTarget::open_state() {
    auto state = admin::StateDirectory::open(config_.daemon.state_dir);
    if (!state) {
        return std::unexpected(state.error());
    }
    auto identities = state->identities(config_.devices);
    if (!identities) {
        return std::unexpected(identities.error());
    }
    auto ports = admin::target_ports(*state, config_.targets);
    if (!ports) {
        return std::unexpected(ports.error());
    }
    state_.emplace(std::move(*state));
    identities_ = std::move(*identities);
    ports_ = std::move(*ports);
    return {};
}

std::expected<void, admin::Problem> RunningTarget::open_devices() {
    // Each device takes one or two, and the soft limit is 1024 for whoever is not a service.
    max_connections_ = check_descriptors(config_, reactors_of(config_));
    Devices drives = open_drives();
    admin::Config answering = config_;
    for (const std::size_t drive : waiting_for_disc_) {
        answering.devices[drive].path.clear();
    }
    auto images = ServedImages::load(*state_);
    if (!images) {
        return std::unexpected(images.error());
    }
    auto opened = daemon::open_devices(answering, *images, std::move(drives));
    if (!opened) {
        return std::unexpected(opened.error());
    }
    devices_ = std::move(*opened);
    if (const auto kept = images->remember(*state_, config_); !kept) {
        return std::unexpected(kept.error());
    }
    return open_stores();
}

/// A disc that is missing, or whose server does not answer, keeps no disk away: the drive is there, and
/// empty.
Devices RunningTarget::open_drives() {
    Devices drives(config_.devices.size());
    for (std::size_t i = 0; i < drives.size(); ++i) {
        const admin::DeviceConfig& config = config_.devices[i];
        if (config.drive && !config.path.empty()) {
            waiting_for_disc_.insert(i);
            discs_.begin(i, config.path);
        }
        if (config.drive) {
            drives[i] = std::make_unique<device::DiscDrive>(nullptr);
        }
    }
    for (OpenedDisc& opened : discs_.wait(kDiscLimit)) {
        waiting_for_disc_.erase(opened.drive);
        if (opened.disc) {
            drives[opened.drive] = std::make_unique<device::DiscDrive>(std::move(*opened.disc));
        } else {
            log_empty_drive(config_.devices[opened.drive], opened.disc.error());
            without_disc_.push_back(opened.drive);
        }
    }
    for (const std::size_t waiting : waiting_for_disc_) {
        const admin::DeviceConfig& config = config_.devices[waiting];
        TARGE_LOG(
            error, "targed",
            "drive {} is empty until what keeps {} answers, which it has not within {} s; findmnt -T {} "
            "says where it is kept",
            config.name, config.path, kDiscLimit.count(), config.path);
    }
    return drives;
}

std::expected<void, admin::Problem> RunningTarget::open_stores() {
    for (std::size_t i = 0; i < config_.devices.size(); ++i) {
        const admin::DeviceConfig& config = config_.devices[i];
        auto store =
            DirectoryUnitStore::open(*state_, config.name, StoreOwner::unit, place_of(config, *devices_[i]));
        if (!store) {
            return std::unexpected(store.error());
        }
        stores_.push_back(std::move(*store));
    }
    for (const admin::DeviceGroupConfig& config : config_.device_groups) {
        auto store = DirectoryUnitStore::open(*state_, config.name, StoreOwner::device_group);
        if (!store) {
            return std::unexpected(store.error());
        }
        group_stores_.push_back(std::move(*store));
    }
    return {};
}

std::expected<void, admin::Problem> RunningTarget::start_reactors() {
    reactor::ReactorsOptions options;
    options.count = reactors_of(config_);
    options.each.buffer_limit_bytes =
        std::max(config_.daemon.buffer_memory_bytes / options.count, kLeastBuffersOfACore);
    auto reactors = reactor::Reactors::start(options);
    if (!reactors) {
        return std::unexpected(
            admin::Problem{.what = "the reactors cannot start", .cause = reactors.error().text, .cure = {}});
    }
    reactors_ = std::move(*reactors);
    engine_ = std::make_unique<engine::Engine>(reactors_->cores(),
                                               engine_limits(config_, options.each.buffer_limit_bytes));
    make_service();
    return {};
}

void RunningTarget::add_units_and_targets() {
    for (std::size_t i = 0; i < config_.device_groups.size(); ++i) {
        engine_->add_group(device_group_settings(config_.device_groups[i], ports_, group_stores_[i]));
    }
    for (std::size_t i = 0; i < config_.devices.size(); ++i) {
        const admin::DeviceConfig& config = config_.devices[i];
        engine_->add_unit({.name = config.name,
                           .device = std::move(devices_[i]),
                           .identity = identity_of(config, identities_[i]),
                           .type = type_of(config),
                           .removable = config.removable,
                           .thin = config.thin,
                           .write_through = config.write_cache == admin::WriteCache::write_through,
                           .read_only = config.read_only,
                           .task_set_type = config.task_set == admin::TaskSets::shared
                                                ? scsi::TaskSetType::shared
                                                : scsi::TaskSetType::one_per_nexus,
                           .max_commands = config.max_commands,
                           .threshold_available_bytes = config.threshold_available_bytes,
                           .threshold_used_bytes = config.threshold_used_bytes,
                           .store = stores_[i],
                           .group = group_of(config.name, config_, *engine_)});
    }
    for (const admin::TargetConfig& target : config_.targets) {
        engine_->add_target(target.name, maps_of(target, *engine_), ports_of(target, ports_))
            .limit_commands(target.limits.commands_per_lun);
    }
}

void RunningTarget::make_service() {
    const bool added = ask(*reactors_->cores()[0], [this] {
                           add_units_and_targets();
                           return true;
                       }).has_value();
    TARGE_ASSERT(added);
    transport::IscsiServiceSettings settings;
    settings.connection.login_timeout = config_.daemon.login_timeout;
    settings.half_open_logins_per_address = config_.daemon.half_open_logins_per_address;
    settings.max_connections = max_connections_;
    settings.held_bytes = config_.daemon.buffer_memory_bytes / 8;
    settings.move_sessions = config_.daemon.move_sessions;
    settings.worked = [](const base::Core& core) {
        return static_cast<const reactor::Reactor&>(core).stats().worked;
    };
    settings.connection_ended = [this] { spare_memory_.something_ended(); };
    for (const admin::TargetConfig& target : config_.targets) {
        settings.targets.push_back({.name = target.name,
                                    .target = engine_->find_target(target.name),
                                    .max_sessions = target.limits.max_sessions,
                                    .async_events = target.limits.async_events,
                                    .tuning = {.command_window = target.limits.queue_depth,
                                               .nop_interval = target.limits.nop_interval,
                                               .nop_timeout = target.limits.nop_timeout}});
        settings.connection.command_window =
            std::min(settings.connection.command_window, target.limits.queue_depth);
    }
    service_ = std::make_unique<transport::IscsiService>(*engine_, directory_, reactors_->cores(),
                                                         std::move(settings));
}

std::expected<void, admin::Problem> RunningTarget::open_portals() {
    const std::vector<Portal> portals = portals_of(config_);
    for (std::size_t i = 0; i < portals.size(); ++i) {
        const std::string text = admin::to_string(portals[i].listen);
        const auto address = transport::SocketAddress::parse(text);
        if (!address) {
            return std::unexpected(admin::Problem{.what = fmt::format("portal {} cannot be opened", text),
                                                  .cause = "it is no numeric address with a port",
                                                  .cure = "write 192.0.2.1:3260 or [2001:db8::1]:3260"});
        }
        auto listening = transport::listen_on(*address);
        if (!listening) {
            return std::unexpected(admin::Problem{.what = fmt::format("portal {} cannot be opened", text),
                                                  .cause = listening.error().text,
                                                  .cure = listening.error().cure});
        }
        portals_.push_back(std::make_unique<transport::IscsiPortal>(
            *service_, *reactors_, static_cast<std::uint32_t>(i), std::move(*listening)));
    }
    for (const auto& portal : portals_) {
        base::post(*reactors_->cores()[0], [portal = portal.get()] { portal->start(); });
    }
    return {};
}

std::vector<std::string> RunningTarget::portal_addresses() const {
    std::vector<std::string> addresses;
    for (const auto& portal : portals_) {
        addresses.push_back(portal->address().text());
    }
    return addresses;
}

bool RunningTarget::wait_for_connections_to_end(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    const auto open = [this] {
        return service_->connection_count() != 0 ||
               !std::ranges::all_of(portals_, [](const auto& portal) { return portal->closed(); });
    };
    while (open()) {
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

std::vector<std::string> RunningTarget::stop(std::chrono::milliseconds limit) {
    stopping_ = true;
    if (engine_) {
        engine_->stop();
    }
    bool all_ended = true;
    if (service_) {
        for (const auto& portal : portals_) {
            base::post(*reactors_->cores()[0], [portal = portal.get()] { portal->close(); });
        }
        service_->close_all(limit);
        // Within a second and a half of the limit every stream has been closed or reset: whatever is left
        // then waits for its commands.
        all_ended = wait_for_connections_to_end(limit + kEndLimit);
        if (!all_ended) {
            TARGE_LOG(warning, "shutdown",
                      "{} connections did not end in time: a device holds their commands",
                      service_->connection_count());
        }
    }
    reactors_->stop();
    std::vector<std::string> leaks = reactors_->leaks();
    if (!all_ended) {
        // A device still holds commands, and they hold what follows: it stays until the process ends.
        leaks.push_back(fmt::format("{} connections", service_->connection_count()));
        for (auto& portal : portals_) {
            static_cast<void>(portal.release());
        }
        static_cast<void>(service_.release());
        static_cast<void>(engine_.release());
        static_cast<void>(reactors_.release());
        return leaks;
    }
    portals_.clear();
    service_.reset();
    engine_.reset();
    reactors_.reset();
    return leaks;
}

}  // namespace targe::daemon
