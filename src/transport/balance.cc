#include "transport/balance.h"

#include "transport/iscsi_connection.h"
#include "transport/iscsi_service.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace targe::transport {
namespace {

constexpr base::Duration kBetweenLooks = std::chrono::milliseconds{250};
/// While nothing happens. It is all that an idle core with connections does.
constexpr base::Duration kBetweenIdleLooks = std::chrono::seconds{2};
/// How often in a row cores must be found uneven: what is over soon moves nobody.
constexpr unsigned kLasting = 3;

/// A core that is less busy than this keeps all that it has.
constexpr Load kBusyCore = 300;
constexpr Load kGap = 250;
/// From here on a core would do more if it could: how busy it is says no longer what it is asked for.
constexpr Load kSaturated = 850;

Load distance(Load a, Load b) {
    return a > b ? a - b : b - a;
}

/// The movable session whose load is nearest to `wanted`, and at most `most`.
std::optional<std::size_t> nearest(std::span<const SessionLoad> sessions, Load wanted, Load most) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < sessions.size(); ++i) {
        const SessionLoad& each = sessions[i];
        if (each.movable && each.load >= kBusySession && each.load <= most &&
            (!best || distance(each.load, wanted) < distance(sessions[*best].load, wanted))) {
            best = i;
        }
    }
    return best;
}

}  // namespace

std::optional<BalancingMove> find_move(const Placement& placement, base::CoreId own,
                                       std::span<const SessionLoad> sessions) {
    const Load here = placement.load(own);
    if (here < kBusyCore || placement.size() < 2) {
        return std::nullopt;
    }
    base::CoreId to = own;
    const auto rank = [&](base::CoreId core) {
        return std::pair{placement.expected(core), placement.busy_sessions(core)};
    };
    for (std::size_t i = 0; i < placement.size(); ++i) {
        const base::CoreId core(static_cast<std::uint16_t>(i));
        if (core != own && (to == own || rank(core) < rank(to))) {
            to = core;
        }
    }
    const Load there = placement.expected(to);
    std::optional<std::size_t> session;
    if (here >= there + kGap) {
        const Load gap = here - there;
        session = nearest(sessions, gap / 2, gap * 3 / 4);
    } else if (there >= kSaturated && placement.busy_sessions(own) >= placement.busy_sessions(to) + 2) {
        session = nearest(sessions, here / placement.busy_sessions(own), here);
    }
    return session ? std::optional{BalancingMove{*session, to}} : std::nullopt;
}

void CoreBalancer::watch() {
    if (!armed() && service_.settings().worked && cores_.size() > 1 && !service_.closing()) {
        looked_at_ = core_.now();
        worked_ = service_.settings().worked(core_);
        core_.arm(*this, looked_at_ + kBetweenLooks);
    }
}

Load CoreBalancer::measure() {
    const base::Duration worked = service_.settings().worked(core_);
    const base::Time now = core_.now();
    const base::Duration passed = std::max(now - looked_at_, base::Duration{1});
    const auto load = static_cast<Load>((worked - worked_) * kFullLoad / passed);
    worked_ = worked;
    looked_at_ = now;
    return std::min(load, kFullLoad);
}

void CoreBalancer::expired() {
    const bool idle = service_.connections(core_).empty() || service_.closing();
    const Load load = idle ? 0 : measure();
    service_.placement().measured(core_.id(), load);
    if (idle) {
        service_.placement().busy_sessions(core_.id(), 0);
        return;  // until watch()
    }
    if (load < kBusySession) {
        service_.placement().busy_sessions(core_.id(), 0);
        uneven_ = 0;
    } else {
        look();
    }
    core_.arm(*this, looked_at_ + (load == 0 ? kBetweenIdleLooks : kBetweenLooks));
}

void CoreBalancer::look() {
    Placement& placement = service_.placement();
    std::vector<IscsiConnection*> connections;
    std::vector<std::uint64_t> work;
    std::uint64_t total = 1;
    for (IscsiConnection& each : service_.connections(core_)) {
        connections.push_back(&each);
        work.push_back(each.take_work());
        total += work.back();
    }
    std::vector<SessionLoad> sessions;
    for (std::size_t i = 0; i < connections.size(); ++i) {
        // In floating point: the products do not fit.
        const double part = static_cast<double>(work[i]) / static_cast<double>(total);
        sessions.push_back({.load = static_cast<Load>(part * placement.load(core_.id())),
                            .movable = connections[i]->can_move() && connections[i]->has_settled()});
    }
    placement.busy_sessions(core_.id(), static_cast<std::uint32_t>(std::ranges::count_if(
                                            sessions, [](const auto& s) { return s.load >= kBusySession; })));
    const auto move = find_move(placement, core_.id(), sessions);
    uneven_ = move && service_.settings().move_sessions ? uneven_ + 1 : 0;
    if (uneven_ >= kLasting) {
        uneven_ = 0;
        connections[move->session]->move_to(*cores_[move->to.value], sessions[move->session].load);
    }
}

}  // namespace targe::transport
