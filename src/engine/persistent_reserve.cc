// PERSISTENT RESERVE OUT: decided by scsi::persistent_reserve_out() in a change of the unit's state, kept
// where it must outlive the process, and in force on every lane before it is answered.
#include "base/core.h"
#include "engine/at_home.h"
#include "engine/background.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "scsi/persistent_reservation_text.h"
#include "scsi/persistent_reserve_out.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace targe::engine {

namespace {

using scsi::ItNexus;
using scsi::PersistentReservations;

/// Who is logged in to the unit, as one lane knows.
struct LoggedIn {
    NexusId id;
    ItNexus nexus;
};

/// From the command's core over all others, to the unit's home. Anew when a nexus was on its way from core to
/// core meanwhile, and so may have been passed: that lasts for a message, and happens to a nexus seldom.
base::Task<std::vector<LoggedIn>> all_logged_in(base::CommandArena& arena, LogicalUnit& unit) {
    static_cast<void>(arena);
    for (;;) {
        std::vector<LoggedIn> all;
        const std::uint64_t moves = unit.departures();
        for (base::Core* const core : unit.cores()) {
            co_await base::hop_to(*core);
            for (const NexusUnit& each : unit.lane(*core).nexuses()) {
                all.push_back({.id = each.nexus.id(), .nexus = each.nexus.it_nexus()});
            }
        }
        if (unit.arrivals() == moves && unit.departures() == moves) {
            co_return all;
        }
    }
}

/// The ports of the SCSI target device that the command came to.
std::vector<std::uint16_t> ports_of(const Nexus& nexus) {
    std::vector<std::uint16_t> numbers;
    for (const TargetPort& port : nexus.target().ports()) {
        numbers.push_back(port.relative_target_port);
    }
    return numbers;
}

scsi::ReservationAsker asker_of(const Command& command, const std::vector<LoggedIn>& logged_in) {
    const Nexus& nexus = *command.life.nexus;
    scsi::ReservationAsker asker{.nexus = nexus.it_nexus(),
                                 .target_ports = ports_of(nexus),
                                 .known = {},
                                 .keeps = command.life.unit->unit->settings().store != nullptr};
    for (const LoggedIn& each : logged_in) {
        asker.known.push_back(each.nexus.initiator);
    }
    return asker;
}

/// As if each had sent PREVENT ALLOW MEDIUM REMOVAL with PREVENT zero, [SPC-4 r37 5.13.11.2.6], and 10b where
/// there is that.
void allow_removal(UnitState& state, const std::vector<ItNexus>& preempted,
                   const std::vector<LoggedIn>& logged_in) {
    for (const LoggedIn& each : logged_in) {
        if (std::ranges::find(preempted, each.nexus) != preempted.end()) {
            state.removal_prevention.forget(each.id);
        }
    }
}

void abort_preempted(const Command& command, Change& change, std::vector<ItNexus> preempted,
                     const std::vector<LoggedIn>& logged_in) {
    allow_removal(change.state(), preempted, logged_in);
    change.abort({.among = std::make_shared<const std::vector<ItNexus>>(std::move(preempted)),
                  .requester = command.life.nexus->id(),
                  .clears_aca = true,
                  .spared = &command});
}

/// Only the last APTPL counts: kept is what would be wrong to forget, or to remember. What could not be kept,
/// and was refused for it, may be found by a restart, unless something replaces it.
void keep_if_it_matters(const UnitHome& home, const PersistentReservations& before,
                        const PersistentReservations& after, Change& change) {
    const bool was_kept = before.through_power_loss || before.lost;
    if (((was_kept || after.through_power_loss) && before != after) ||
        home.doubts(Kept::persistent_reservation)) {
        change.keep = Keep{.what = Kept::persistent_reservation, .content = scsi::to_text(after)};
    }
}

void put_in_force(Change& change, scsi::ReservationChange made) {
    for (scsi::ReservationNotice& each : made.notices) {
        change.raise({.condition = each.condition,
                      .only = std::make_shared<const std::vector<ItNexus>>(std::move(each.nexuses))});
    }
    change.state().persistent = std::make_shared<const PersistentReservations>(std::move(made.next));
}

scsi::Outcome apply(const Command& command, Change& change, const std::vector<LoggedIn>& logged_in) {
    UnitState& state = change.state();
    if (state.reserved_by) {
        return scsi::Status::reservation_conflict;  // even of the holder, [SPC-2 r20]
    }
    const auto request =
        scsi::reservation_request(command.cdb.first<scsi::PersistentReserveOutCdb::kSize>(),
                                  {command.life.out_segment.data, command.life.out_segment.size});
    if (!request) {
        return request.error();
    }
    auto made = scsi::persistent_reserve_out(*state.persistent, *request, asker_of(command, logged_in));
    if (!made) {
        return made.error();
    }
    keep_if_it_matters(command.life.unit->unit->home(), *state.persistent, made->next, change);
    if (!made->aborted.empty()) {
        abort_preempted(command, change, made->aborted, logged_in);
    }
    put_in_force(change, std::move(*made));
    return scsi::Status::good;
}

Background clear_all(std::shared_ptr<LogicalUnit> unit, LogicalUnit::Refreshed done) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
    base::CommandArena arena{block};
    Change change{unit->home()};
    change.may_be_refused();
    co_await change.turn();
    if (change.refused()) {
        done(false);
        co_return;
    }
    UnitState& state = change.state();
    auto cleared = scsi::cleared(*state.persistent);
    keep_if_it_matters(unit->home(), *state.persistent, cleared.next, change);
    if (!co_await keep(arena, *unit, change)) {
        change.abandon();
        done(false);
        co_return;
    }
    state.reserved_by.reset();
    put_in_force(change, std::move(cleared));
    co_await change.begin();
    co_await change.commit();
    done(true);
}

}  // namespace

void LogicalUnit::clear_reservations(Refreshed done) {
    base::post(home_.core(), [unit = shared_from_this(), done = std::move(done)]() mutable {
        clear_all(std::move(unit), std::move(done));
    });
}

Execution execute_persistent_reserve_out(base::CommandArena& arena, Command& command) {
    const std::vector<LoggedIn> logged_in = co_await all_logged_in(arena, *command.life.unit->unit);
    co_await base::hop_to(command.life.nexus->core());
    const scsi::Outcome outcome = co_await at_home(
        arena, command,
        [&logged_in](const Command& asked, Change& change) { return apply(asked, change, logged_in); });
    co_return outcome;
}

}  // namespace targe::engine
