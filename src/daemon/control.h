// What the control socket is answered, from the running target.
#pragma once

#include "admin/administration.h"
#include "daemon/running_target.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace targe::daemon {

class Control final : public admin::Administration {
public:
    Control(RunningTarget& target, std::string config_file);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control() override { stop_waiting_for_discs(); }

    std::expected<admin::DaemonStatus, admin::Problem> status() override;
    std::expected<std::vector<admin::SessionStatus>, admin::Problem> sessions() override;
    std::expected<std::vector<admin::DeviceStatus>, admin::Problem> devices() override;
    std::expected<std::vector<admin::TargetStatus>, admin::Problem> targets() override;
    std::expected<admin::DeviceStatus, admin::Problem> refresh_device(
        const admin::RefreshRequest& request) override;
    std::expected<admin::DeviceStatus, admin::Problem> change_disc(
        const admin::DiscRequest& request) override;
    std::expected<std::vector<admin::ReservationStatus>, admin::Problem> reservations() override;
    std::expected<admin::ReservationStatus, admin::Problem> clear_reservations(
        std::string_view device) override;
    std::expected<std::vector<admin::DeviceGroupStatus>, admin::Problem> device_groups() override;
    std::expected<admin::DeviceGroupStatus, admin::Problem> set_path(
        const admin::PathChange& change) override;
    std::expected<void, admin::Problem> drop_session(std::uint64_t id) override;
    std::expected<admin::ReloadReport, admin::Problem> reload(bool dry_run) override;

    /// Reads the configuration again, and applies what can be had without a restart. The log says what came
    /// of it. From any thread; waits for one that is under way.
    void read_again();
    /// No disc is put in any more that the start did not wait for.
    void stop_waiting_for_discs() { target_.disc_openings().stop(); }

private:
    [[nodiscard]] std::expected<std::vector<transport::SessionReport>, admin::Problem> reports();
    [[nodiscard]] std::expected<std::vector<transport::SessionReport>, admin::Problem> reports_once();
    [[nodiscard]] std::expected<void, admin::Problem> drop_session_once(std::uint64_t id);
    [[nodiscard]] std::expected<admin::DeviceStatus, admin::Problem> describe(const RunningDevice& device);
    /// That runs now.
    [[nodiscard]] std::expected<RunningDevice, admin::Problem> device_named(std::string_view name) const;

    // control_drive.cc
    [[nodiscard]] std::expected<void, admin::Problem> exchange(const RunningDevice& drive,
                                                               const admin::DiscRequest& request);
    [[nodiscard]] std::expected<void, admin::Problem> put_in(const RunningDevice& device, std::string path,
                                                             std::shared_ptr<device::Device> disc,
                                                             bool force);
    /// Puts into each drive the disc that `config` names for it; why not, by name of the drive.
    [[nodiscard]] std::map<std::string, admin::Problem> take_discs(const admin::Config& config);
    /// That the start did not wait for.
    void take_late_disc(OpenedDisc opened);
    [[nodiscard]] bool waits_for_disc(const std::string& drive) const;
    [[nodiscard]] std::string path_of(const RunningDevice& device) const;

    // control_reload.cc
    /// With the paths of the discs that are in drives now.
    [[nodiscard]] admin::Config running_config() const;
    [[nodiscard]] std::expected<admin::ReloadReport, admin::Problem> reload_now(bool dry_run);
    [[nodiscard]] std::expected<std::vector<admin::Problem>, admin::Problem> apply(const admin::Config& next);

    /// Whoever changes one may do so when nobody waits for it any more.
    struct ChangedDiscs {
        std::mutex mutex;
        std::map<std::string, std::string> paths;  ///< by name of their drive
        std::set<std::string> waiting;             ///< drives that get the disc they started without
    };

    RunningTarget& target_;
    std::string config_file_;
    std::chrono::steady_clock::time_point since_;
    std::mutex changing_;   // one change of discs after the other
    std::mutex reloading_;  // one reload after the other; held before the one above
    std::shared_ptr<ChangedDiscs> discs_ = std::make_shared<ChangedDiscs>();
};

}  // namespace targe::daemon
