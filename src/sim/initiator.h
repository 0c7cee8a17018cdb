// An initiator port through a run: whatever becomes of its sessions, it comes back.
#pragma once

#include "sim/fault_model.h"
#include "sim/link.h"
#include "sim/referee.h"
#include "sim/session.h"
#include "sim/task.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace targe::sim {

/// What initiators share: where they are, and one token that whoever changes reservations holds, so that
/// their states can be followed.
struct Surroundings {
    World& world;
    Referee& referee;
    const Plan& plan;
    std::function<std::shared_ptr<Link>(LinkUser&)> connect;
    std::uint64_t sessions = 0;  ///< so many were begun
    const Task* changes_reservation = nullptr;
    const Task* changes_modes = nullptr;
};

class Initiator final : public SessionUser {
public:
    Initiator(Surroundings& around, InitiatorIndex index);

    /// Logs in, when there is no session.
    void connect();
    /// Does one thing, drawn by lot.
    void act();
    /// From now on: finishes what is under way, and begins nothing by itself.
    void calm_down() { calm_ = true; }
    [[nodiscard]] bool is_idle() const {
        return session_ && session_->is_up() && session_->outstanding() == 0;
    }
    void log_out();
    [[nodiscard]] bool is_away() const { return session_ == nullptr; }

    /// A task that is to be sent as it is; false when there is no session that takes it.
    bool ask(Kind kind, std::uint16_t lun, std::uint64_t lba = 0, std::uint32_t blocks = 0);

    void ended(Task& task) override;
    void ended(Function& function) override;
    void session_over() override;

private:
    void ordinary();
    void reservation();
    void persistent(Task& task);
    void manage();
    void submit(Task& task);
    Task& new_task(Kind kind, std::uint16_t lun);
    void place(Task& task, bool counters);
    void watch(Task& task);
    void lose_patience(Task& task);
    void give_up(const Task& task);
    void come_back(Duration after);

    Surroundings& around_;
    InitiatorIndex index_;
    std::unique_ptr<Session> session_;
    bool calm_ = false;
    bool coming_back_ = false;
    bool stays_away_ = false;
    /// What it has seen in a block last: COMPARE AND WRITE expects it.
    std::map<std::pair<std::uint16_t, std::uint64_t>, Stamp> seen_;
    std::uint64_t key_;
};

/// The blocks of which nobody but COMPARE AND WRITE changes anything.
inline constexpr std::uint64_t kCounters = 3;

}  // namespace targe::sim
