// Everything that serves: reactors, devices, units, targets, portals. Put together here and nowhere else.
#pragma once

#include "admin/administration.h"
#include "admin/config.h"
#include "admin/problem.h"
#include "admin/state_directory.h"
#include "admin/target_ports.h"
#include "daemon/directory.h"
#include "daemon/disc_openings.h"
#include "daemon/open_devices.h"
#include "daemon/spare_memory.h"
#include "daemon/unit_store.h"
#include "engine/engine.h"
#include "reactor/reactors.h"
#include "transport/iscsi_portal.h"
#include "transport/iscsi_service.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace targe::daemon {

/// Tells the administrator of a drive whose disc cannot be had.
void log_empty_drive(const admin::DeviceConfig& drive, const std::string& why);

/// Made whole or not at all; `config` outlives it. All calls come from threads that are no reactors.
class RunningTarget {
public:
    static std::expected<std::unique_ptr<RunningTarget>, admin::Problem> start(const admin::Config& config);
    /// Lets initiators in; the last step, so that none sees a half-built target.
    std::expected<void, admin::Problem> open_portals();
    RunningTarget(const RunningTarget&) = delete;
    RunningTarget& operator=(const RunningTarget&) = delete;
    ~RunningTarget();

    /// Takes no more connections, asks initiators to log out, lets what is in flight end, and drops what is
    /// left after `limit`. What the end has found to be still held, a line each: nothing, when all is well.
    [[nodiscard]] std::vector<std::string> stop(std::chrono::milliseconds limit);

    [[nodiscard]] const admin::Config& config() const { return config_; }
    [[nodiscard]] reactor::Reactors& reactors() { return *reactors_; }
    [[nodiscard]] engine::Engine& engine() { return *engine_; }
    [[nodiscard]] transport::IscsiService& service() { return *service_; }
    [[nodiscard]] const std::vector<admin::Identity>& identities() const { return identities_; }
    [[nodiscard]] const admin::TargetPorts& ports() const { return ports_; }
    /// Of a device of the configuration, by index. To be used as DirectoryUnitStore says.
    [[nodiscard]] std::shared_ptr<const DirectoryUnitStore> store(std::size_t device) const {
        return stores_[device];
    }
    /// Of the configuration, by index, whose disc was not to be had: they are empty.
    [[nodiscard]] const std::vector<std::size_t>& drives_without_disc() const { return without_disc_; }
    /// Likewise, whose disc may be had yet: disc_openings() hands it on.
    [[nodiscard]] const std::set<std::size_t>& drives_waiting_for_disc() const { return waiting_for_disc_; }
    [[nodiscard]] DiscOpenings& disc_openings() { return discs_; }
    [[nodiscard]] bool stopping() const { return stopping_.load(); }
    /// The address that each portal listens on, for people.
    [[nodiscard]] std::vector<std::string> portal_addresses() const;

private:
    explicit RunningTarget(const admin::Config& config);
    std::expected<void, admin::Problem> open_state();
    std::expected<void, admin::Problem> open_devices();
    [[nodiscard]] Devices open_drives();
    std::expected<void, admin::Problem> open_stores();
    std::expected<void, admin::Problem> start_reactors();
    void add_units_and_targets();
    void make_service();
    [[nodiscard]] bool wait_for_connections_to_end(std::chrono::milliseconds limit);

    const admin::Config& config_;
    ConfigDirectory directory_;
    std::optional<admin::StateDirectory> state_;
    std::vector<admin::Identity> identities_;
    admin::TargetPorts ports_;
    Devices devices_;
    DiscOpenings discs_;
    std::vector<std::size_t> without_disc_;
    std::set<std::size_t> waiting_for_disc_;
    std::vector<std::shared_ptr<DirectoryUnitStore>> stores_;
    std::vector<std::shared_ptr<DirectoryUnitStore>> group_stores_;
    SpareMemory spare_memory_;           ///< that connections leave behind
    std::uint32_t max_connections_ = 0;  ///< as the limit on descriptors allows
    std::unique_ptr<reactor::Reactors> reactors_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<transport::IscsiService> service_;
    std::vector<std::unique_ptr<transport::IscsiPortal>> portals_;
    std::atomic<bool> stopping_ = false;
};

}  // namespace targe::daemon
