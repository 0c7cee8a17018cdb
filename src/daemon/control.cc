#include "daemon/control.h"

#include "admin/access.h"
#include "base/log.h"
#include "daemon/ask.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace targe::daemon {

admin::Problem core_is_stuck(std::string_view what) {
    return {.what = fmt::format("{}: a reactor has not answered for {} s", what, kAnswerLimit.count()),
            .cause = "it waits in the kernel for a device, or the machine is overloaded",
            .cure = "look for a device that hangs: the log of targed names it; dmesg names the disk"};
}

namespace {

std::string_view name_of(admin::Handler handler) {
    switch (handler) {
        case admin::Handler::null:
            return "null";
        case admin::Handler::ram:
            return "ram";
        case admin::Handler::file:
            return "file";
        case admin::Handler::block:
            return "block";
        case admin::Handler::user:
            return "user";
    }
    __builtin_unreachable();
}

template <class Status>
void for_each_lun(const admin::TargetConfig& target, Status&& status) {
    for (const admin::LunConfig& lun : target.luns) {
        status(std::string(), lun);
    }
    for (const admin::GroupConfig& group : target.groups) {
        for (const admin::LunConfig& lun : group.luns) {
            status(group.name, lun);
        }
    }
}

/// What the unit says of itself, read on its home.
struct UnitView {
    std::uint64_t blocks = 0;
    std::uint32_t block_size = 0;
    bool thin = false;
    bool read_only = false;
    bool removable = false;
    bool write_cache = false;
    bool loaded = true;
    bool tray_open = false;
    engine::MediumWork work = engine::MediumWork::none;
    std::string begun_on = {};
};

UnitView view_of(const engine::UnitState& state, const DirectoryUnitStore& store) {
    return {.blocks = state.description.blocks,
            .block_size = state.description.block_size,
            .thin = state.description.provisioning.managed,
            .read_only = state.read_only,
            .removable = state.description.removable,
            .write_cache = state.pages.write_cache_enabled,
            .loaded = state.medium_loaded,
            .tray_open = state.is_multimedia() && state.tray.open,
            .work = state.work,
            .begun_on = state.work == engine::MediumWork::begun_elsewhere ? store.begun_on().value_or("")
                                                                          : std::string()};
}

/// What keeps initiators from the medium; empty: nothing does.
std::string_view name_of(engine::MediumWork work) {
    switch (work) {
        case engine::MediumWork::none:
            return "";
        case engine::MediumWork::formatting:
            return "formatting";
        case engine::MediumWork::sanitizing:
            return "sanitizing";
        case engine::MediumWork::format_failed:
            return "format failed";
        case engine::MediumWork::sanitize_failed:
            return "sanitize failed";
        case engine::MediumWork::recovering:
            return "recovering";
        case engine::MediumWork::begun_elsewhere:
            return "another store";
    }
    __builtin_unreachable();
}

std::string state_of(const UnitView& view, const device::Device& device) {
    if (device.away()) {
        return "away";
    }
    if (const std::string_view work = name_of(view.work); !work.empty()) {
        return std::string(work);
    }
    if (device.lost_data()) {
        return "data lost";
    }
    if (view.tray_open) {
        return "tray open";
    }
    return view.loaded ? "ready" : "no medium";
}

admin::SessionStatus status_of(const transport::SessionReport& report, std::string group) {
    admin::SessionStatus status{.id = report.id.value,
                                .target = report.target,
                                .initiator = report.initiator,
                                .initiator_alias = report.initiator_alias,
                                .isid = fmt::format("{:012x}", report.initiator_session_id),
                                .tsih = report.target_session_handle,
                                .group = std::move(group),
                                .chap_user = report.chap_name,
                                .connections = {}};
    status.age_seconds =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(report.age).count());
    status.commands_in_flight = static_cast<std::uint32_t>(report.commands_in_flight);
    status.commands = report.counters.commands;
    status.read_bytes = report.counters.read_bytes;
    status.written_bytes = report.counters.written_bytes;
    status.connections.push_back({.cid = report.connection_id,
                                  .initiator_address = report.peer_address,
                                  .portal_address = report.local_address,
                                  .reactor = report.core.value,
                                  .header_digest = report.header_digest,
                                  .data_digest = report.data_digest});
    return status;
}

}  // namespace

Control::Control(RunningTarget& target, std::string config_file)
    : target_(target), config_file_(std::move(config_file)), since_(std::chrono::steady_clock::now()) {
    for (const std::string& drive : target.drives_without_disc()) {
        discs_->paths[drive] = {};
    }
    discs_->waiting = target.drives_waiting_for_disc();
    target.disc_openings().hand_on([this](OpenedDisc opened) { take_late_disc(std::move(opened)); });
}

namespace {
/// A session that moves while the cores are asked one after the other may be missed, or met twice. Then they
/// are asked again: it does not move again so soon.
constexpr int kTriesWhileSessionsMove = 5;
}  // namespace

std::expected<std::vector<transport::SessionReport>, admin::Problem> Control::reports() {
    const transport::Placement& placement = target_.service().placement();
    for (int tries = 1;; ++tries) {
        const std::uint64_t moves = placement.moves();
        auto all = reports_once();
        if (!all || placement.moves() == moves || tries == kTriesWhileSessionsMove) {
            return all;
        }
    }
}

std::expected<std::vector<transport::SessionReport>, admin::Problem> Control::reports_once() {
    std::vector<transport::SessionReport> all;
    for (base::Core* const core : target_.reactors().cores()) {
        auto some = ask(*core, [this, core] { return target_.service().sessions(*core); });
        if (!some) {
            return std::unexpected(core_is_stuck("the sessions cannot be listed"));
        }
        std::ranges::move(*some, std::back_inserter(all));
    }
    std::ranges::sort(all, {}, &transport::SessionReport::id);
    return all;
}

std::expected<admin::DaemonStatus, admin::Problem> Control::status() {
    const auto sessions = reports();
    if (!sessions) {
        return std::unexpected(sessions.error());
    }
    admin::DaemonStatus status;
    status.state =
        target_.stopping() ? admin::DaemonStatus::State::draining : admin::DaemonStatus::State::serving;
    status.version = TARGE_VERSION;
    status.pid = getpid();
    status.uptime_seconds = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - since_).count());
    status.config_file = config_file_;
    status.reactors = static_cast<std::uint32_t>(target_.reactors().size());
    const auto serving = target_.serving();
    status.devices = static_cast<std::uint32_t>(serving->config.devices.size());
    status.targets = static_cast<std::uint32_t>(serving->config.targets.size());
    status.sessions = static_cast<std::uint32_t>(sessions->size());
    status.connections = static_cast<std::uint32_t>(target_.service().connection_count());
    const transport::Placement& placement = target_.service().placement();
    status.sessions_moved = placement.moves();
    for (base::Core* const core : target_.reactors().cores()) {
        status.reactor_use.push_back({.connections = static_cast<std::uint32_t>(placement.on(core->id())),
                                      .busy = placement.load(core->id()) / double{transport::kFullLoad}});
        const auto use = ask(*core, [core] { return core->buffers().stats(); });
        if (!use) {
            return std::unexpected(core_is_stuck("the buffers cannot be counted"));
        }
        status.buffers.limit_bytes += use->limit_bytes;
        status.buffers.held_bytes += use->bytes_held;
        status.buffers.on_loan_bytes += use->bytes_on_loan;
        status.buffers.hits += use->hits;
        status.buffers.misses += use->misses;
        status.buffers.refused += use->refused;
    }
    return status;
}

std::expected<std::vector<admin::SessionStatus>, admin::Problem> Control::sessions() {
    const auto all = reports();
    if (!all) {
        return std::unexpected(all.error());
    }
    const auto serving = target_.serving();
    const std::vector<admin::TargetConfig>& targets = serving->config.targets;
    std::vector<admin::SessionStatus> statuses;
    for (const transport::SessionReport& report : *all) {
        const auto target = std::ranges::find(targets, report.target, &admin::TargetConfig::name);
        std::string group;
        if (target != targets.end()) {
            if (const admin::GroupConfig* const in = admin::group_of(*target, report.initiator);
                in != nullptr) {
                group = in->name;
            }
        }
        statuses.push_back(status_of(report, std::move(group)));
    }
    return statuses;
}

std::expected<admin::DeviceStatus, admin::Problem> Control::describe(const RunningDevice& device) {
    const admin::DeviceConfig& config = device.config;
    const auto& unit = device.unit;
    const auto view = ask(unit->home().core(),
                          [unit, store = device.store] { return view_of(unit->home().state(), *store); });
    if (!view) {
        return std::unexpected(core_is_stuck(fmt::format("device {} cannot be described", config.name)));
    }
    admin::DeviceStatus status{
        .name = config.name,
        .handler = std::string(name_of(config.handler)),
        .path = path_of(device),
        .state = waits_for_disc(config.name) ? "waiting" : state_of(*view, unit->device()),
        .begun_on = view->begun_on,
        .data_lost = unit->device().lost_data(),
        .blocks = view->blocks,
        .block_size = view->block_size,
        .thin = view->thin,
        .read_only = view->read_only,
        .removable = view->removable,
        .volatile_cache = view->write_cache,
        .serial = device.identity.serial,
        .naa = device.identity.naa,
        .used_by = {}};
    const auto serving = target_.serving();
    for (const admin::TargetConfig& target : serving->config.targets) {
        for_each_lun(target, [&](std::string group, const admin::LunConfig& lun) {
            if (lun.device == config.name) {
                status.used_by.push_back({.target = target.name,
                                          .group = std::move(group),
                                          .lun = lun.lun,
                                          .read_only = lun.read_only});
            }
        });
    }
    return status;
}

std::expected<std::vector<admin::DeviceStatus>, admin::Problem> Control::devices() {
    std::vector<admin::DeviceStatus> statuses;
    const auto serving = target_.serving();
    for (const RunningDevice& device : serving->devices) {
        auto status = describe(device);
        if (!status) {
            return std::unexpected(status.error());
        }
        statuses.push_back(std::move(*status));
    }
    return statuses;
}

std::expected<std::vector<admin::TargetStatus>, admin::Problem> Control::targets() {
    const auto all = reports();
    if (!all) {
        return std::unexpected(all.error());
    }
    const auto serving = target_.serving();
    std::vector<admin::TargetStatus> statuses;
    for (const admin::TargetConfig& target : serving->config.targets) {
        admin::TargetStatus status;
        status.name = target.name;
        status.alias = target.alias;
        for (const admin::PortalConfig& portal : target.portals) {
            status.portals.push_back(
                {.listen = admin::to_string(portal.listen),
                 .advertise = portal.advertise ? admin::to_string(*portal.advertise) : "",
                 .group = portal.group});
        }
        for_each_lun(target, [&](std::string group, const admin::LunConfig& lun) {
            status.luns.push_back({.group = std::move(group),
                                   .lun = lun.lun,
                                   .device = lun.device,
                                   .read_only = lun.read_only});
        });
        status.sessions = static_cast<std::uint32_t>(
            std::ranges::count(*all, target.name, &transport::SessionReport::target));
        status.max_sessions = target.limits.max_sessions;
        status.chap = target.auth.method == admin::AuthConfig::Method::chap;
        if (target.redirect) {
            status.redirect = {.address = admin::to_string(target.redirect->address),
                               .group = target.redirect->group,
                               .permanent = target.redirect->permanent};
        }
        statuses.push_back(std::move(status));
    }
    return statuses;
}

std::expected<RunningDevice, admin::Problem> Control::device_named(std::string_view name) const {
    const auto serving = target_.serving();
    if (const RunningDevice* const device = serving->find(name)) {
        return *device;
    }
    return std::unexpected(admin::Problem{.what = fmt::format("there is no device {}", name),
                                          .cause = "the configuration has none of this name",
                                          .cure = "targe device list"});
}

std::expected<void, admin::Problem> Control::drop_session(std::uint64_t id) {
    const transport::Placement& placement = target_.service().placement();
    for (int tries = 1;; ++tries) {
        const std::uint64_t moves = placement.moves();
        auto dropped = drop_session_once(id);
        if (dropped || placement.moves() == moves || tries == kTriesWhileSessionsMove) {
            return dropped;
        }
    }
}

std::expected<void, admin::Problem> Control::drop_session_once(std::uint64_t id) {
    for (base::Core* const core : target_.reactors().cores()) {
        const auto had = ask(*core, [this, core, id] {
            return target_.service().drop_session(*core, transport::SessionId{id});
        });
        if (!had) {
            return std::unexpected(core_is_stuck("the session cannot be dropped"));
        }
        if (*had) {
            return {};
        }
    }
    return std::unexpected(admin::Problem{.what = fmt::format("there is no session {}", id),
                                          .cause = "it has ended, or never was",
                                          .cure = "targe session list"});
}

}  // namespace targe::daemon
