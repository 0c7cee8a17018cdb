// By which paths devices are reached, for the administrator.
#include "daemon/access.h"
#include "daemon/ask.h"
#include "daemon/control.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace targe::daemon {
namespace {

using Access = std::shared_ptr<const scsi::AsymmetricAccess>;

std::string_view changed_by(scsi::AccessChange change) {
    switch (change) {
        case scsi::AccessChange::none:
            return "";
        case scsi::AccessChange::by_command:
            return "command";
        case scsi::AccessChange::implicit:
            return "administrator";
    }
    return "";
}

admin::DeviceGroupStatus status_of(const admin::DeviceGroupConfig& config, const admin::TargetPorts& ports,
                                   const scsi::AsymmetricAccess& access) {
    admin::DeviceGroupStatus status{
        .name = config.name, .set_by_initiators = config.set_by_initiators, .devices = config.devices};
    for (std::size_t i = 0; i < config.port_groups.size(); ++i) {
        const scsi::TargetPortGroup& live = access.groups.at(i);
        admin::PortGroupStatus group{.id = live.id,
                                     .state = std::string(scsi::to_string(live.state)),
                                     .preferred = live.preferred,
                                     .changed_by = std::string(changed_by(live.changed))};
        for (const admin::PortConfig& port : config.port_groups[i].ports) {
            group.ports.push_back(
                {.target = port.target, .portal_group = port.portal_group, .relative_port = ports.at(port)});
        }
        for (const admin::RemotePortConfig& port : config.port_groups[i].remote_ports) {
            group.ports.push_back(
                {.target = port.target, .portal_group = {}, .relative_port = port.relative_port});
        }
        status.port_groups.push_back(std::move(group));
    }
    return status;
}

std::expected<Access, admin::Problem> access_of(const std::shared_ptr<engine::DeviceGroup>& group) {
    auto access = ask(group->home(), [group] { return group->access(); });
    if (!access) {
        return std::unexpected(
            core_is_stuck(fmt::format("device group {} cannot be read", group->settings().name)));
    }
    return *std::move(access);
}

admin::Problem no_such(std::string what, std::string cause) {
    return {.what = std::move(what), .cause = std::move(cause), .cure = "targe alua list"};
}

std::expected<std::optional<scsi::AccessState>, admin::Problem> state_from(const std::string& text) {
    if (text.empty()) {
        return std::optional<scsi::AccessState>{};
    }
    if (const auto state = scsi::access_state_from(text)) {
        return state;
    }
    return std::unexpected(admin::Problem{
        .what = fmt::format("there is no access state \"{}\"", text),
        .cause = "a port group is in one of the states of SPC-4",
        .cure =
            "one of active/optimized, active/non-optimized, standby, unavailable, offline, transitioning"});
}

engine::DeviceGroup::Decide decide(std::uint16_t id, std::optional<scsi::AccessState> state,
                                   std::optional<bool> preferred) {
    return [=](scsi::AsymmetricAccess next) -> std::expected<scsi::AsymmetricAccess, scsi::Sense> {
        const auto group = std::ranges::find(next.groups, id, &scsi::TargetPortGroup::id);
        const scsi::AccessState next_state = state.value_or(group->state);
        const bool next_preferred = preferred.value_or(group->preferred);
        if (next_state != group->state || next_preferred != group->preferred) {
            group->changed = scsi::AccessChange::implicit;
        }
        group->state = next_state;
        group->preferred = next_preferred;
        return next;
    };
}

}  // namespace

std::expected<std::vector<admin::DeviceGroupStatus>, admin::Problem> Control::device_groups() {
    const auto serving = target_.serving();
    std::vector<admin::DeviceGroupStatus> statuses;
    for (const RunningDeviceGroup& each : serving->groups) {
        const auto access = access_of(each.group);
        if (!access) {
            return std::unexpected(access.error());
        }
        statuses.push_back(status_of(each.config, serving->ports, **access));
    }
    return statuses;
}

std::expected<admin::DeviceGroupStatus, admin::Problem> Control::set_path(const admin::PathChange& change) {
    const auto serving = target_.serving();
    const auto found = std::ranges::find(serving->groups, change.group,
                                         [](const RunningDeviceGroup& each) { return each.config.name; });
    if (found == serving->groups.end()) {
        return std::unexpected(no_such(fmt::format("there is no device group {}", change.group),
                                       "the configuration has none of this name"));
    }
    const admin::DeviceGroupConfig& config = found->config;
    const std::shared_ptr<engine::DeviceGroup> group = found->group;
    if (std::ranges::find(config.port_groups, change.port_group, &admin::PortGroupConfig::id) ==
        config.port_groups.end()) {
        return std::unexpected(
            no_such(fmt::format("device group {} has no port group {}", change.group, change.port_group),
                    "none of its port groups has this id"));
    }
    const auto state = state_from(change.state);
    if (!state) {
        return std::unexpected(state.error());
    }
    // By value: a core that is stuck asks when nobody waits here any more.
    auto decision = decide(change.port_group, *state, change.preferred);
    const auto outcome =
        ask_later<scsi::Outcome>(group->home(), [group, decision = std::move(decision)](auto answer) mutable {
            group->set(std::move(decision), std::move(answer));
        });
    if (!outcome) {
        return std::unexpected(core_is_stuck(fmt::format(
            "device group {} has not changed in every device yet, and goes on trying", change.group)));
    }
    if (*outcome != scsi::Outcome{scsi::Status::good}) {
        const bool busy = *outcome == scsi::Outcome{scsi::Status::busy};
        return std::unexpected(
            admin::Problem{.what = fmt::format("device group {} stays as it is", change.group),
                           .cause = busy ? "another change of its states is under way"
                                         : "the new states could not be kept in the state directory",
                           .cure = busy ? "run this again"
                                        : "look at the log of targed for the reason; then run this again"});
    }
    const auto access = access_of(group);
    if (!access) {
        return std::unexpected(access.error());
    }
    return status_of(config, serving->ports, **access);
}

}  // namespace targe::daemon
