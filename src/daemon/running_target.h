// Everything that serves: reactors, devices, units, targets, portals. Put together here and nowhere else.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"
#include "admin/state_directory.h"
#include "daemon/current.h"
#include "daemon/directory.h"
#include "daemon/disc_openings.h"
#include "daemon/engine_settings.h"
#include "daemon/open_devices.h"
#include "daemon/serving.h"
#include "daemon/spare_memory.h"
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

/// Made whole or not at all. All calls come from threads that are no reactors.
class RunningTarget {
public:
    static std::expected<std::unique_ptr<RunningTarget>, admin::Problem> start(admin::Config config);
    /// Lets initiators in; the last step, so that none sees a half-built target.
    std::expected<void, admin::Problem> open_portals();
    RunningTarget(const RunningTarget&) = delete;
    RunningTarget& operator=(const RunningTarget&) = delete;
    ~RunningTarget();

    /// Serves `next`, of admin::difference(), from now on, without a session that ends for it. Every device
    /// that is new is had before anything is changed; drives begin without a disc. Those of
    /// `waiting_for_disc` are not looked at. One call after the other. A problem: nothing has changed, but
    /// where it says otherwise. Else what has not ended yet.
    [[nodiscard]] std::expected<std::vector<admin::Problem>, admin::Problem> apply(
        const admin::Config& next, const std::set<std::string>& waiting_for_disc);
    /// Closes what an apply() before could not. Not beside one.
    void forget_what_has_left();

    /// Takes no more connections, asks initiators to log out, lets what is in flight end, and drops what is
    /// left after `limit`. What the end has found to be still held, a line each: nothing, when all is well.
    [[nodiscard]] std::vector<std::string> stop(std::chrono::milliseconds limit);

    /// What runs now.
    [[nodiscard]] std::shared_ptr<const Serving> serving() const { return serving_.get(); }
    [[nodiscard]] reactor::Reactors& reactors() { return *reactors_; }
    [[nodiscard]] transport::IscsiService& service() { return *service_; }
    /// Those that were started empty because their disc was not to be had.
    [[nodiscard]] const std::set<std::string>& drives_without_disc() const { return without_disc_; }
    /// Likewise, whose disc may be had yet: disc_openings() hands it on.
    [[nodiscard]] const std::set<std::string>& drives_waiting_for_disc() const { return waiting_for_disc_; }
    [[nodiscard]] DiscOpenings& disc_openings() { return discs_; }
    [[nodiscard]] bool stopping() const { return stopping_.load(); }
    /// The address that each portal listens on, for people.
    [[nodiscard]] std::vector<std::string> portal_addresses() const;

private:
    /// A device that was removed, as long as something holds on to it.
    struct Leaving {
        admin::DeviceConfig config;
        std::weak_ptr<engine::LogicalUnit> unit;
        std::shared_ptr<engine::LogicalUnit> kept;  ///< of a handler: until every core has let go of it
    };

    explicit RunningTarget(admin::Config config);
    std::expected<void, admin::Problem> open_state();
    std::expected<void, admin::Problem> open_devices();
    [[nodiscard]] Devices open_drives();
    std::expected<void, admin::Problem> open_group_stores();
    std::expected<void, admin::Problem> start_reactors();
    [[nodiscard]] std::shared_ptr<Serving> first_serving();
    void make_service();
    [[nodiscard]] bool wait_for_connections_to_end(std::chrono::milliseconds limit);

    // reload.cc
    std::expected<std::vector<OpenedDevice>, admin::Problem> open_new(
        const admin::Config& next, const std::set<std::string>& waiting_for_disc);
    [[nodiscard]] std::optional<admin::Problem> refusal(const std::vector<admin::DeviceConfig>& added,
                                                        const admin::Config& next);
    /// Has the initiators of targets that `next` lacks log out. Who did not in time is dropped.
    [[nodiscard]] std::expected<void, admin::Problem> part_with_targets(const Serving& before,
                                                                        const admin::Config& next);
    using Targets = std::vector<engine::Target*>;
    using Until = std::chrono::steady_clock::time_point;
    /// On the first core. The targets whose maps are others now.
    Targets put_in_force(std::vector<OpenedDevice> opened, std::shared_ptr<Serving> next);
    // What has not ended by then.
    [[nodiscard]] std::vector<admin::Problem> let_go(std::shared_ptr<const Serving> before, Until until);
    [[nodiscard]] bool leave_cores(const engine::LogicalUnit& unit, Until until);
    [[nodiscard]] std::vector<admin::Problem> await_lost_luns(const Targets& remapped, Until until);

    const admin::Config config_;  ///< that it was started with
    ConfigDirectory directory_;
    std::optional<admin::StateDirectory> state_;
    std::vector<OpenedDevice> opened_;  ///< until there are units of them
    std::vector<std::shared_ptr<DirectoryUnitStore>> group_stores_;
    admin::TargetPorts ports_;
    DiscOpenings discs_;
    std::set<std::string> without_disc_;
    std::set<std::string> waiting_for_disc_;
    SpareMemory spare_memory_;           ///< that connections leave behind
    std::uint32_t max_connections_ = 0;  ///< as the limit on descriptors allows
    Current<Serving> serving_;
    std::vector<Leaving> leaving_;
    std::unique_ptr<reactor::Reactors> reactors_;
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<transport::IscsiService> service_;
    std::vector<std::unique_ptr<transport::IscsiPortal>> portals_;
    std::atomic<bool> applying_ = false;  ///< a change that the first core has not made yet
    std::atomic<bool> stopping_ = false;
};

}  // namespace targe::daemon
