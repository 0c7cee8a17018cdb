#include "admin/control_json.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace targe::admin {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(DaemonStatus::State state) {
    switch (state) {
        case DaemonStatus::State::starting:
            return "starting";
        case DaemonStatus::State::serving:
            return "serving";
        case DaemonStatus::State::draining:
            return "draining";
    }
    return "";
}

/// What is not there is null, so that a script need not tell an empty name from none.
Json or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const ConnectionStatus& connection) {
    return {{"cid", connection.cid},
            {"initiator_address", connection.initiator_address},
            {"portal_address", connection.portal_address},
            {"reactor", connection.reactor},
            {"header_digest", connection.header_digest},
            {"data_digest", connection.data_digest}};
}

Json all_to_json(const std::vector<ReactorStatus>& reactors) {
    Json all = Json::array();
    for (const ReactorStatus& each : reactors) {
        all.push_back({{"connections", each.connections}, {"busy", each.busy}});
    }
    return all;
}

Json all_to_json(const std::vector<ConfigChange>& changes) {
    Json all = Json::array();
    for (const ConfigChange& each : changes) {
        all.push_back({{"subject", each.subject}, {"what", each.what}, {"why", or_null(each.why)}});
    }
    return all;
}

}  // namespace

Json to_json(const DaemonStatus& status) {
    return {{"state", name_of(status.state)},
            {"version", status.version},
            {"pid", status.pid},
            {"uptime_seconds", status.uptime_seconds},
            {"config_file", status.config_file},
            {"reactors", status.reactors},
            {"devices", status.devices},
            {"targets", status.targets},
            {"sessions", status.sessions},
            {"connections", status.connections},
            {"reactor_use", all_to_json(status.reactor_use)},
            {"sessions_moved", status.sessions_moved},
            {"buffers",
             {{"limit_bytes", status.buffers.limit_bytes},
              {"held_bytes", status.buffers.held_bytes},
              {"on_loan_bytes", status.buffers.on_loan_bytes},
              {"hits", status.buffers.hits},
              {"misses", status.buffers.misses},
              {"refused", status.buffers.refused}}}};
}

Json to_json(const SessionStatus& session) {
    Json connections = Json::array();
    for (const ConnectionStatus& connection : session.connections) {
        connections.push_back(to_json(connection));
    }
    return {{"id", session.id},
            {"type", session.target.empty() ? "discovery" : "normal"},
            {"target", or_null(session.target)},
            {"initiator", session.initiator},
            {"initiator_alias", or_null(session.initiator_alias)},
            {"isid", session.isid},
            {"tsih", session.tsih},
            {"group", or_null(session.group)},
            {"chap_user", or_null(session.chap_user)},
            {"age_seconds", session.age_seconds},
            {"commands_in_flight", session.commands_in_flight},
            {"commands", session.commands},
            {"read_bytes", session.read_bytes},
            {"written_bytes", session.written_bytes},
            {"connections", std::move(connections)}};
}

Json to_json(const DeviceStatus& device) {
    Json uses = Json::array();
    for (const LunUse& use : device.used_by) {
        uses.push_back({{"target", use.target},
                        {"group", or_null(use.group)},
                        {"lun", use.lun},
                        {"read_only", use.read_only}});
    }
    return {{"name", device.name},
            {"handler", device.handler},
            {"path", or_null(device.path)},
            {"state", device.state},
            {"data_lost", device.data_lost},
            {"size_bytes", device.blocks * device.block_size},
            {"blocks", device.blocks},
            {"block_size", device.block_size},
            {"thin", device.thin},
            {"read_only", device.read_only},
            {"removable", device.removable},
            {"volatile_cache", device.volatile_cache},
            {"serial", device.serial},
            {"naa", device.naa},
            {"begun_on", or_null(device.begun_on)},
            {"used_by", std::move(uses)}};
}

Json to_json(const ReservationStatus& device) {
    Json registrants = Json::array();
    for (const RegistrantStatus& each : device.registrants) {
        registrants.push_back({{"initiator", each.initiator},
                               {"isid", each.isid},
                               {"target_port", each.target_port},
                               {"key", each.key},
                               {"holder", each.holder}});
    }
    return {{"device", device.device},
            {"type", or_null(device.type)},
            {"reserved", device.reserved},
            {"kept", device.kept},
            {"lost", device.lost},
            {"generation", device.generation},
            {"registrants", std::move(registrants)}};
}

Json to_json(const TargetStatus& target) {
    Json portals = Json::array();
    for (const PortalStatus& portal : target.portals) {
        portals.push_back(
            {{"listen", portal.listen}, {"advertise", or_null(portal.advertise)}, {"group", portal.group}});
    }
    Json luns = Json::array();
    for (const LunStatus& lun : target.luns) {
        luns.push_back({{"group", or_null(lun.group)},
                        {"lun", lun.lun},
                        {"device", lun.device},
                        {"read_only", lun.read_only}});
    }
    Json redirect = nullptr;
    if (target.redirect) {
        redirect = {{"address", target.redirect->address},
                    {"group", target.redirect->group},
                    {"permanent", target.redirect->permanent}};
    }
    return {{"name", target.name},           {"alias", or_null(target.alias)},
            {"portals", std::move(portals)}, {"luns", std::move(luns)},
            {"sessions", target.sessions},   {"max_sessions", target.max_sessions},
            {"chap", target.chap},           {"redirect", std::move(redirect)}};
}

Json to_json(const DeviceGroupStatus& group) {
    Json port_groups = Json::array();
    for (const PortGroupStatus& each : group.port_groups) {
        Json ports = Json::array();
        for (const PathStatus& port : each.ports) {
            ports.push_back({{"target", port.target},
                             {"portal_group", port.portal_group ? Json(*port.portal_group) : Json(nullptr)},
                             {"relative_port", port.relative_port}});
        }
        port_groups.push_back({{"id", each.id},
                               {"state", each.state},
                               {"preferred", each.preferred},
                               {"changed_by", or_null(each.changed_by)},
                               {"ports", std::move(ports)}});
    }
    return {{"name", group.name},
            {"explicit", group.set_by_initiators},
            {"devices", group.devices},
            {"port_groups", std::move(port_groups)}};
}

Json to_json(const ReloadReport& report) {
    Json failed = Json::array();
    for (const Problem& each : report.failed) {
        failed.push_back(to_json(each));
    }
    return {{"dry_run", report.dry_run},
            {"changes", all_to_json(report.changes)},
            {"needs_restart", all_to_json(report.needs_restart)},
            {"failed", std::move(failed)}};
}

Json to_json(const Problem& problem) {
    return {{"what", problem.what}, {"cause", or_null(problem.cause)}, {"try", or_null(problem.cure)}};
}

}  // namespace targe::admin
