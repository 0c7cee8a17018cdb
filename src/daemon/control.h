// What the control socket is answered, from the running target.
#pragma once

#include "admin/administration.h"
#include "daemon/running_target.h"

#include <chrono>
#include <cstddef>
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

    /// Puts into each drive the disc that `config` names for it, and says in the log what came of it. From
    /// any thread.
    void take_discs(const admin::Config& config);
    /// No disc is put in any more that the start did not wait for.
    void stop_waiting_for_discs() { target_.disc_openings().stop(); }

private:
    [[nodiscard]] std::expected<std::vector<transport::SessionReport>, admin::Problem> reports();
    [[nodiscard]] std::expected<std::vector<transport::SessionReport>, admin::Problem> reports_once();
    [[nodiscard]] std::expected<void, admin::Problem> drop_session_once(std::uint64_t id);
    [[nodiscard]] std::expected<admin::DeviceStatus, admin::Problem> describe(std::size_t index);
    [[nodiscard]] std::expected<void, admin::Problem> exchange(std::size_t index,
                                                               const admin::DiscRequest& request);
    [[nodiscard]] std::expected<void, admin::Problem> put_in(std::size_t index, std::string path,
                                                             std::shared_ptr<device::Device> disc,
                                                             bool force);
    /// That the start did not wait for.
    void take_late_disc(OpenedDisc opened);
    [[nodiscard]] bool waits_for_disc(std::size_t index) const;
    /// Of the device in the configuration and among the engine's units.
    [[nodiscard]] std::expected<std::size_t, admin::Problem> index_of(std::string_view device) const;
    [[nodiscard]] std::string path_of(std::size_t index) const;

    /// Whoever changes one may do so when nobody waits for it any more.
    struct ChangedDiscs {
        std::mutex mutex;
        std::map<std::size_t, std::string> paths;  ///< by index of their drive
        std::set<std::size_t> waiting;             ///< drives that get the disc they started without
    };

    RunningTarget& target_;
    std::string config_file_;
    std::chrono::steady_clock::time_point since_;
    std::mutex changing_;  // one change of discs after the other
    std::shared_ptr<ChangedDiscs> discs_ = std::make_shared<ChangedDiscs>();
};

}  // namespace targe::daemon
