// Each rule of reservations: who is kept out, and who is not; what is registered; and that what was kept with
// APTPL is there after a restart.
//
// The checker follows what the state may be (possible.h). While the state forbids it for certain, nothing is
// written, and nothing is answered GOOD whose whole life fell into that time. While it allows it for certain,
// nothing ends in RESERVATION CONFLICT.
#include "sim/attention_checker.h"
#include "sim/checkers.h"
#include "sim/possible.h"
#include "sim/reservation_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace targe::sim {

namespace {

using States = Possible<Reservations>;
using Fate = States::Fate;

// Numbers of changes: tasks have their own, functions and sessions others.
constexpr std::uint64_t kFunctions = std::uint64_t{1} << 40U;
constexpr std::uint64_t kSessions = std::uint64_t{1} << 41U;

bool changes_reservation(const Task& task) {
    return task.kind == Kind::reserve || task.kind == Kind::release ||
           task.kind == Kind::persistent_reserve_out;
}

/// What a restart makes of it.
Reservations restored(const Reservations& state) {
    if (!state.aptpl) {
        return {};
    }
    Reservations kept = state;
    kept.reserved_by = 0;
    return kept;
}

class ReservationChecker final : public Checker {
public:
    ReservationChecker(World& world, Referee& referee, AttentionChecker& attentions, bool persistent)
        : Checker("reservation", world),
          referee_(referee),
          attentions_(attentions),
          persistent_(persistent) {}

    void sent(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        if (changes_reservation(task)) {
            expect_notices(task);
            unit.states.begin(task.id, [&task](const Reservations& state) {
                ReservationEffects effects;
                return change(state, task, effects);
            });
            look(unit);
            return;
        }
        Life& life = unit.lives[task.id];
        life.task = &task;
        look(unit, life);
    }
    void answered(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        if (changes_reservation(task)) {
            end_change(unit, task);
            look(unit);
            return;
        }
        const auto at = unit.lives.find(task.id);
        if (at == unit.lives.end()) {
            return;
        }
        check_life(task, at->second);
        unit.lives.erase(at);
    }
    void ended_unanswered(const Task& task) override {
        Unit& unit = units_.at(task.lun);
        unit.lives.erase(task.id);
        if (changes_reservation(task)) {
            note_kept(unit, unit.states.states());
            unit.states.end(task.id);
            attentions_.settle(task.id, {}, Certainty::open);
        }
    }
    void sent(const Function& function) override { begin_release(function); }
    void answered(const Function& function) override {
        // One that was rejected goes on all the same.
        if (function.complete()) {
            for (Unit& unit : units_) {
                unit.states.end(kFunctions + function.id, Fate::done);
                look(unit);
            }
        }
    }
    void session_lost(const SessionEvent& session) override { begin_release(session); }
    void session_ended(const SessionEvent& session) override {
        begin_release(session);
        for (Unit& unit : units_) {
            unit.states.end(kSessions + session.session, Fate::done);
            unit.released.erase(session.session);
            look(unit);
        }
    }
    void killed(bool /*power*/) override {
        for (Unit& unit : units_) {
            unit.lives.clear();
            unit.released.clear();
            note_kept(unit, unit.states.states());
            unit.states.set(unit.kept);
        }
    }
    void began_write(std::uint16_t lun, std::uint64_t /*lba*/, std::uint64_t /*blocks*/,
                     Stamp first) override {
        const Task* const task = referee_.task(task_of(first));
        const States& states = units_.at(lun).states;
        if (task != nullptr && states.all([&](const Reservations& state) { return !allows(state, *task); })) {
            fail(fmt::format("{} writes what is reserved for others", describe(*task)));
        }
    }

private:
    /// A task under way, and what the reservations were meanwhile.
    struct Life {
        const Task* task = nullptr;
        bool allowed = false;
        bool refused = false;
        bool open = false;                    ///< nobody can say
        std::vector<Reservations> seen = {};  ///< of PERSISTENT RESERVE IN alone
    };
    struct Unit {
        States states{Reservations{}};
        std::vector<Reservations> kept{Reservations{}};  ///< what a restart may find
        std::map<std::uint64_t, Life> lives;
        std::map<std::uint64_t, bool> released;  ///< sessions that may be gone
    };

    static void look(const Unit& unit, Life& life) {
        const Task& task = *life.task;
        life.allowed =
            life.allowed || unit.states.any([&](const Reservations& state) { return allows(state, task); });
        life.refused =
            life.refused || unit.states.any([&](const Reservations& state) { return !allows(state, task); });
        life.open = life.open || unit.states.too_many();
        if (task.kind == Kind::persistent_reserve_in) {
            const auto states = unit.states.states();
            life.seen.insert(life.seen.end(), states.begin(), states.end());
        }
    }
    static void look(Unit& unit) {
        for (auto& [id, life] : unit.lives) {
            look(unit, life);
        }
    }

    void check_life(const Task& task, const Life& life) {
        if (task.good() && !life.allowed) {
            fail(fmt::format("{} although it was reserved for others all the time", describe(task)));
        }
        if (task.status == kReservationConflict && !life.refused) {
            fail(fmt::format("{} although nothing was reserved against it", describe(task)));
        }
        if (task.good() && task.kind == Kind::persistent_reserve_in && !life.open &&
            !shows_one_of(task, life.seen)) {
            fail(fmt::format("{} shows what was never there", describe(task)));
        }
    }
    /// READ KEYS and READ RESERVATION, [SPC-4 r37 6.15].
    static bool shows_one_of(const Task& task, const std::vector<Reservations>& seen) {
        const auto number = [&](std::size_t at) {
            std::uint64_t value = 0;
            for (std::size_t i = 0; i < 8; ++i) {
                value = value << 8U | std::to_integer<std::uint64_t>(task.in[at + i]);
            }
            return value;
        };
        if (task.reservation.action == 1) {
            const std::uint8_t type =
                task.in.size() < 24 ? 0 : static_cast<std::uint8_t>(task.in[21] & std::byte{0x0f});
            return std::ranges::any_of(seen, [&](const Reservations& state) { return state.type == type; });
        }
        std::vector<std::uint64_t> keys;
        for (std::size_t at = 8; at + 8 <= task.in.size(); at += 8) {
            keys.push_back(number(at));
        }
        std::ranges::sort(keys);
        return std::ranges::any_of(seen, [&](const Reservations& state) {
            std::vector<std::uint64_t> expected;
            std::ranges::copy_if(state.keys, std::back_inserter(expected),
                                 [](std::uint64_t key) { return key != 0; });
            std::ranges::sort(expected);
            return keys == expected;
        });
    }

    /// Whoever may be told, if the change is made now.
    void expect_notices(const Task& task) {
        for (InitiatorIndex each = 0; each < kMostInitiators; ++each) {
            for (const std::uint32_t condition :
                 {kReservationsPreempted, kReservationsReleased, kRegistrationsPreempted, kCommandsCleared}) {
                if (each != task.initiator && task.kind == Kind::persistent_reserve_out) {
                    attentions_.may(task.id, each, task.lun, condition);
                }
            }
        }
    }
    void end_change(Unit& unit, const Task& task) {
        const bool conflict = task.status == kReservationConflict;
        const bool refused = conflict || (task.status == kCheckCondition && task.sense >> 16U == 5);
        if (task.good()) {
            settle_notices(unit, task);
            unit.states.end(task.id, Fate::done);
            unit.kept.clear();  // replaced, even what a failure has left behind
            note_kept(unit, unit.states.states());
        } else if (task.status == kTaskAborted) {
            note_kept(unit, unit.states.states());
            unit.states.end(task.id);  // perhaps when it had been done
            attentions_.settle(task.id, {}, Certainty::open);
        } else {
            // It may have been kept all the same, when keeping it is what failed.
            note_kept(unit, unit.states.states());
            unit.states.end(task.id, refused ? Fate::refused : Fate::not_yet);
            attentions_.settle(task.id, {}, Certainty::certain);
        }
        if (unit.states.impossible()) {
            fail(fmt::format("{} cannot be explained", describe(task)));
        }
    }
    static void note_kept(Unit& unit, const std::vector<Reservations>& states) {
        for (const Reservations& state : states) {
            if (std::ranges::find(unit.kept, restored(state)) == unit.kept.end()) {
                unit.kept.push_back(restored(state));
            }
        }
    }
    void settle_notices(const Unit& unit, const Task& task) {
        std::vector<ReservationEffects> possible;
        for (const Reservations& state : unit.states.before(task.id)) {
            ReservationEffects effects;
            if (change(state, task, effects) && std::ranges::find(possible, effects) == possible.end()) {
                possible.push_back(std::move(effects));
            }
        }
        if (possible.size() != 1 || !unit.states.is_alone(task.id)) {
            attentions_.settle(task.id, {}, Certainty::open);
            return;
        }
        const ReservationEffects& effects = possible.front();
        std::vector<Notice> notices;
        for (const auto& [initiator, condition] : effects.notices) {
            notices.push_back({initiator, task.lun, condition});
        }
        const bool aborts = !effects.preempted_and_aborted.empty();
        attentions_.settle(task.id, notices, aborts ? Certainty::more_may_come : Certainty::certain);
        referee_.preempted(task, effects.preempted_and_aborted);
    }

    void begin_release(const SessionEvent& session) {
        if (persistent_) {
            return;
        }
        for (Unit& unit : units_) {
            if (unit.released.emplace(session.session, true).second) {
                unit.states.begin(kSessions + session.session,
                                  [number = session.session](Reservations state) {
                                      state.reserved_by = state.reserved_by == number ? 0 : state.reserved_by;
                                      return std::optional{state};
                                  });
                look(unit);
            }
        }
    }
    void begin_release(const Function& function) {
        if (persistent_) {
            return;
        }
        using enum iscsi::TaskFunction;
        const bool own = function.function == i_t_nexus_reset;
        const bool target = function.function == target_warm_reset || function.function == target_cold_reset;
        for (std::size_t lun = 0; lun < units_.size(); ++lun) {
            if (!own && !target && (function.function != logical_unit_reset || function.lun != lun)) {
                continue;
            }
            units_.at(lun).states.begin(kFunctions + function.id,
                                        [own, number = function.session](Reservations state) {
                                            if (!own || state.reserved_by == number) {
                                                state.reserved_by = 0;
                                            }
                                            return std::optional{state};
                                        });
            look(units_.at(lun));
        }
    }

    Referee& referee_;
    AttentionChecker& attentions_;
    bool persistent_;  ///< nobody uses RESERVE
    std::array<Unit, kUnits> units_;
};

}  // namespace

std::unique_ptr<Checker> make_reservation_checker(World& world, Referee& referee,
                                                  AttentionChecker& attentions, const Plan& plan) {
    return std::make_unique<ReservationChecker>(world, referee, attentions, plan.persistent);
}

}  // namespace targe::sim
