// A daemon with one of everything, for tests.
#pragma once

#include "admin/administration.h"

#include <string>
#include <vector>

namespace targe::admin {

class FakeAdministration final : public Administration {
public:
    std::expected<DaemonStatus, Problem> status() override {
        return DaemonStatus{
            .state = DaemonStatus::State::serving,
            .version = "0.1.0",
            .pid = 42,
            .uptime_seconds = 100'000,
            .config_file = "/etc/targe/targe.toml",
            .reactors = 2,
            .devices = 1,
            .targets = 1,
            .sessions = 2,
            .connections = 2,
            .buffers = {.limit_bytes = 512U << 20U,
                        .held_bytes = 3U << 20U,
                        .on_loan_bytes = 1536,
                        .hits = 7,
                        .misses = 8,
                        .refused = 0},
            .reactor_use = {{.connections = 0, .busy = 0.03}, {.connections = 2, .busy = 0.5}},
            .sessions_moved = 5};
    }
    std::expected<std::vector<SessionStatus>, Problem> sessions() override {
        return std::vector<SessionStatus>{{.id = 1,
                                           .target = "iqn.2026-11.com.example:a",
                                           .initiator = "iqn.1993-08.org.debian:01:x",
                                           .initiator_alias = alias,
                                           .isid = "00023d000001",
                                           .tsih = 1,
                                           .group = "prod",
                                           .chap_user = {},
                                           .age_seconds = 61,
                                           .commands_in_flight = 3,
                                           .commands = 1000,
                                           .read_bytes = 4096,
                                           .written_bytes = std::uint64_t{3} << 29U,
                                           .connections = {{.cid = 0,
                                                            .initiator_address = "192.0.2.1:40000",
                                                            .portal_address = "192.0.2.10:3260",
                                                            .reactor = 1,
                                                            .header_digest = true,
                                                            .data_digest = false}}},
                                          {.id = 2,
                                           .target = {},
                                           .initiator = "iqn.x",
                                           .initiator_alias = {},
                                           .isid = "000000000000",
                                           .group = {},
                                           .chap_user = {},
                                           .connections = {}}};
    }
    std::expected<std::vector<DeviceStatus>, Problem> devices() override {
        DeviceStatus status = device();
        if (data_lost) {
            status.state = "data lost";
            status.data_lost = true;
        }
        if (!begun_on.empty()) {
            status.state = "another store";
            status.begun_on = begun_on;
        }
        return std::vector<DeviceStatus>{status};
    }
    std::expected<std::vector<TargetStatus>, Problem> targets() override {
        return std::vector<TargetStatus>{
            {.name = "iqn.2026-11.com.example:a",
             .alias = {},
             .portals = {{.listen = "0.0.0.0:3260", .advertise = "192.0.2.10:3260", .group = 1}},
             .luns = {{.group = {}, .lun = 0, .device = "disk0", .read_only = false},
                      {.group = "prod", .lun = 1, .device = "disk0", .read_only = true}},
             .sessions = 1,
             .max_sessions = 256,
             .chap = true},
            {.name = "iqn.2026-11.com.example:moved",
             .alias = {},
             .portals = {{.listen = "0.0.0.0:3260", .advertise = {}, .group = 1}},
             .luns = {},
             .max_sessions = 256,
             .redirect = {{.address = "192.0.2.11:3260", .group = 2, .permanent = true}}}};
    }
    std::expected<DeviceStatus, Problem> refresh_device(const RefreshRequest& request) override {
        refreshed.push_back(request);
        if (request.device != "disk0") {
            return std::unexpected(Problem{.what = "there is no device \"" + request.device + "\"",
                                           .cause = {},
                                           .cure = "targe device list"});
        }
        return device();
    }
    std::expected<DeviceStatus, Problem> change_disc(const DiscRequest& request) override {
        discs.push_back(request);
        DeviceStatus status = device();
        status.name = request.device;
        status.path = request.path;
        status.state = request.path.empty() ? "tray open" : "ready";
        return status;
    }
    std::expected<std::vector<ReservationStatus>, Problem> reservations() override {
        return std::vector<ReservationStatus>{{.device = "disk0",
                                               .type = "write exclusive, registrants only",
                                               .kept = true,
                                               .generation = 5,
                                               .registrants = {{.initiator = "iqn.1993-08.org.debian:01:x",
                                                                .isid = "00023d000001",
                                                                .target_port = 1,
                                                                .key = "0000000000000abc",
                                                                .holder = true},
                                                               {.initiator = "iqn.y",
                                                                .isid = "00023d000002",
                                                                .target_port = 2,
                                                                .key = "0000000000000def"}}},
                                              {.device = "disk1"},
                                              {.device = "disk2", .lost = true},
                                              {.device = "disk3", .reserved = true}};
    }
    std::expected<ReservationStatus, Problem> clear_reservations(std::string_view device) override {
        if (device != "disk0") {
            return std::unexpected(Problem{.what = "there is no device \"" + std::string(device) + "\"",
                                           .cause = {},
                                           .cure = "targe device list"});
        }
        return ReservationStatus{.device = "disk0", .generation = 6};
    }
    std::expected<std::vector<DeviceGroupStatus>, Problem> device_groups() override {
        return std::vector<DeviceGroupStatus>{device_group()};
    }
    std::expected<DeviceGroupStatus, Problem> set_path(const PathChange& change) override {
        if (change.group != "pair") {
            return std::unexpected(Problem{
                .what = "there is no device group " + change.group, .cause = {}, .cure = "targe alua list"});
        }
        DeviceGroupStatus group = device_group();
        PortGroupStatus& changed = group.port_groups.at(change.port_group - 1);
        changed.state = change.state.empty() ? changed.state : change.state;
        changed.preferred = change.preferred.value_or(changed.preferred);
        changed.changed_by = "administrator";
        return group;
    }
    std::expected<void, Problem> drop_session(std::uint64_t id) override {
        dropped.push_back(id);
        return {};
    }

    std::expected<ReloadReport, Problem> reload(bool dry_run) override {
        ReloadReport report = reloaded;
        report.dry_run = dry_run;
        return report;
    }

    ReloadReport reloaded;
    std::string alias;
    bool data_lost = false;
    std::string begun_on;
    std::vector<RefreshRequest> refreshed;
    std::vector<std::uint64_t> dropped;
    std::vector<DiscRequest> discs;

private:
    static DeviceGroupStatus device_group() {
        return {
            .name = "pair",
            .set_by_initiators = true,
            .devices = {"disk0"},
            .port_groups = {
                {.id = 1,
                 .state = "active/optimized",
                 .preferred = true,
                 .ports = {{.target = "iqn.2026-11.com.example:a", .portal_group = 1, .relative_port = 1}}},
                {.id = 2,
                 .state = "standby",
                 .ports = {{.target = "iqn.2026-11.com.example:b", .relative_port = 7}}}}};
    }
    static DeviceStatus device() {
        return {
            .name = "disk0",
            .handler = "file",
            .path = "/srv/disk0.img",
            .state = "ready",
            .blocks = 2048,
            .block_size = 512,
            .thin = true,
            .read_only = false,
            .removable = false,
            .volatile_cache = true,
            .serial = "S1",
            .naa = "5000000000000001",
            .used_by = {{.target = "iqn.2026-11.com.example:a", .group = {}, .lun = 0, .read_only = false}}};
    }
};

}  // namespace targe::admin
