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
#include <map>
#include <thread>
#include <utility>

namespace targe::daemon {
namespace {

/// Room for a few transfers at once, however many cores share the memory.
constexpr std::uint64_t kLeastBuffersOfACore = std::uint64_t{4} << 20U;

/// After the initiators' time to log out: the last message, the end of the streams, the commands.
constexpr std::chrono::milliseconds kEndLimit{3'000};

std::expected<std::shared_ptr<device::Device>, std::string> open_disc(const std::string& path) {
    auto disc = device::open_disc(path);
    if (!disc) {
        return std::unexpected(std::move(disc.error().text));
    }
    return std::move(*disc);
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
    TARGE_LOG(error, "targed",
              "drive {} is empty: {}; put that right and run targe reload, or put another disc in by 'targe "
              "cdrom insert {} IMAGE'; ls -lL {}",
              drive.name, why, drive.name, drive.path);
}

std::expected<std::unique_ptr<RunningTarget>, admin::Problem> RunningTarget::start(admin::Config config) {
    std::unique_ptr<RunningTarget> target(new RunningTarget(std::move(config)));
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

RunningTarget::RunningTarget(admin::Config config)
    : config_(std::move(config)), directory_(config_), discs_(open_disc) {}

std::expected<void, admin::Problem> RunningTarget::open_state() {
    auto state = admin::StateDirectory::open(config_.daemon.state_dir);
    if (!state) {
        return std::unexpected(state.error());
    }
    auto ports = admin::target_ports(*state, config_.targets);
    if (!ports) {
        return std::unexpected(ports.error());
    }
    state_.emplace(std::move(*state));
    ports_ = std::move(*ports);
    return {};
}

std::expected<void, admin::Problem> RunningTarget::open_devices() {
    // Each device takes one or two, and the soft limit is 1024 for whoever is not a service.
    max_connections_ = check_descriptors(config_, reactors_of(config_));
    Devices drives = open_drives();
    admin::Config looked_at = config_;
    for (admin::DeviceConfig& device : looked_at.devices) {
        if (waiting_for_disc_.contains(device.name)) {
            device.path.clear();
        }
    }
    auto opened = daemon::open_devices(*state_, {.devices = config_.devices,
                                                 .drives = std::move(drives),
                                                 .served = config_,
                                                 .looked_at = std::move(looked_at),
                                                 .limits = kOpeningAtStart});
    if (!opened) {
        return std::unexpected(opened.error());
    }
    opened_ = std::move(*opened);
    return open_group_stores();
}

/// A disc that is missing, or whose server does not answer, keeps no disk away: the drive is there, and
/// empty.
Devices RunningTarget::open_drives() {
    Devices drives;
    std::map<std::string, admin::DeviceConfig> configs;
    for (const admin::DeviceConfig& config : config_.devices) {
        if (!config.drive) {
            continue;
        }
        configs.emplace(config.name, config);
        drives.emplace(config.name, std::make_unique<device::DiscDrive>(nullptr));
        if (!config.path.empty()) {
            waiting_for_disc_.insert(config.name);
            discs_.begin(config.name, config.path);
        }
    }
    for (OpenedDisc& opened : discs_.wait(kDiscLimit)) {
        waiting_for_disc_.erase(opened.drive);
        if (opened.disc) {
            drives[opened.drive] = std::make_unique<device::DiscDrive>(std::move(*opened.disc));
        } else {
            log_empty_drive(configs.at(opened.drive), opened.disc.error());
            without_disc_.insert(opened.drive);
        }
    }
    for (const std::string& waiting : waiting_for_disc_) {
        const std::string& path = configs.at(waiting).path;
        TARGE_LOG(
            error, "targed",
            "drive {} is empty until what keeps {} answers, which it has not within {} s; findmnt -T {} "
            "says where it is kept",
            waiting, path, kDiscLimit.count(), path);
    }
    return drives;
}

std::expected<void, admin::Problem> RunningTarget::open_group_stores() {
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

std::shared_ptr<Serving> RunningTarget::first_serving() {
    auto first = std::make_shared<Serving>();
    first->config = config_;
    first->ports = ports_;
    for (std::size_t i = 0; i < config_.device_groups.size(); ++i) {
        const admin::DeviceGroupConfig& config = config_.device_groups[i];
        first->groups.push_back(
            {.config = config,
             .group = engine_->add_group(device_group_settings(config, ports_, group_stores_[i]))});
    }
    return first;
}

void RunningTarget::make_service() {
    const bool added = ask(*reactors_->cores()[0], [this] {
                           put_in_force(std::exchange(opened_, {}), first_serving());
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
        settings.targets.push_back(session_settings(target, *engine_->find_target(target.name)));
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
    if (const auto serving = serving_.get()) {
        for (const RunningDevice& device : serving->devices) {
            device.unit->stop();
        }
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
    serving_.set(nullptr);
    leaving_.clear();
    engine_.reset();
    reactors_.reset();
    return leaks;
}

}  // namespace targe::daemon
