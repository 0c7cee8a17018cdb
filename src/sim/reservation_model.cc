#include "sim/reservation_model.h"

#include <algorithm>

namespace targe::sim {

namespace {

enum Action : std::uint8_t {
    kRegister,
    kReserve,
    kRelease,
    kClear,
    kPreempt,
    kPreemptAndAbort,
    kRegisterIgnore
};

bool all_registrants(std::uint8_t type) {
    return type == 7 || type == 8;
}
bool registrants_only(std::uint8_t type) {
    return type == 5 || type == 6;
}
bool write_exclusive(std::uint8_t type) {
    return type == 1 || type == 5 || type == 7;
}

/// Everybody who is registered but `who`.
void tell_others(const Reservations& state, InitiatorIndex who, std::uint32_t condition,
                 ReservationEffects& effects) {
    for (InitiatorIndex each = 0; each < state.keys.size(); ++each) {
        if (each != who && state.is_registered(each)) {
            effects.notices.push_back({each, condition});
        }
    }
}

void unregister(Reservations& state, InitiatorIndex who) {
    state.keys.at(who) = 0;
    const bool nobody = std::ranges::all_of(state.keys, [](std::uint64_t key) { return key == 0; });
    if (state.holder == who || nobody) {
        state.type = 0;
        state.holder.reset();
    }
}

void reserve(Reservations& state, InitiatorIndex who, std::uint8_t type) {
    state.type = type;
    state.holder = all_registrants(type) ? std::nullopt : std::optional{who};
}

std::optional<Reservations> register_key(Reservations state, const Task& task, ReservationEffects& effects) {
    const ReservationAsk& ask = task.reservation;
    const InitiatorIndex who = task.initiator;
    if (ask.action == kRegister && state.keys.at(who) != ask.key) {
        return std::nullopt;
    }
    if (!state.is_registered(who) && ask.action_key == 0) {
        return state;
    }
    state.aptpl = ask.aptpl;
    if (ask.action_key != 0) {
        state.keys.at(who) = ask.action_key;
        return state;
    }
    const std::uint8_t before = state.type;
    unregister(state, who);
    if (before != 0 && state.type == 0 && registrants_only(before)) {
        tell_others(state, who, kReservationsReleased, effects);
    }
    return state;
}

std::optional<Reservations> release(Reservations state, const Task& task, ReservationEffects& effects) {
    if (!state.holds(task.initiator)) {
        return state;
    }
    if (state.type != task.reservation.type) {
        return std::nullopt;
    }
    if (registrants_only(state.type) || all_registrants(state.type)) {
        tell_others(state, task.initiator, kReservationsReleased, effects);
    }
    state.type = 0;
    state.holder.reset();
    return state;
}

std::optional<Reservations> preempt(Reservations state, const Task& task, ReservationEffects& effects) {
    const ReservationAsk& ask = task.reservation;
    const InitiatorIndex who = task.initiator;
    const bool replaces = state.holder && state.keys.at(*state.holder) == ask.action_key;
    const std::uint8_t before = state.type;
    bool matches = false;
    for (InitiatorIndex each = 0; each < state.keys.size(); ++each) {
        if (state.keys.at(each) != ask.action_key) {
            continue;
        }
        matches = true;
        if (each != who) {
            effects.notices.push_back({each, kRegistrationsPreempted});
        }
        if (ask.action == kPreemptAndAbort) {
            effects.preempted_and_aborted.push_back(each);
        }
        // Whoever takes the reservation stays registered.
        if (each != who || !replaces) {
            unregister(state, each);
        }
    }
    if (!matches) {
        return std::nullopt;
    }
    if (replaces) {
        reserve(state, who, ask.type);
        if (before != state.type) {
            tell_others(state, who, kReservationsReleased, effects);
        }
    }
    return state;
}

std::optional<Reservations> persistent(Reservations state, const Task& task, ReservationEffects& effects) {
    const ReservationAsk& ask = task.reservation;
    if (ask.action == kRegister || ask.action == kRegisterIgnore) {
        return register_key(state, task, effects);
    }
    if (!state.is_registered(task.initiator) || state.keys.at(task.initiator) != ask.key) {
        return std::nullopt;
    }
    switch (ask.action) {
        case kReserve:
            if (state.type != 0 && (!state.holds(task.initiator) || state.type != ask.type)) {
                return std::nullopt;
            }
            reserve(state, task.initiator, ask.type);
            return state;
        case kRelease:
            return release(state, task, effects);
        case kClear:
            tell_others(state, task.initiator, kReservationsPreempted, effects);
            state.keys = {};
            state.type = 0;
            state.holder.reset();
            return state;
        default:
            return preempt(state, task, effects);
    }
}

}  // namespace

bool Reservations::holds(InitiatorIndex who) const {
    return type != 0 && (all_registrants(type) ? is_registered(who) : holder == who);
}

std::optional<Reservations> change(const Reservations& before, const Task& task,
                                   ReservationEffects& effects) {
    Reservations state = before;
    switch (task.kind) {
        case Kind::reserve:
            if (state.reserved_by != 0 && state.reserved_by != task.session) {
                return std::nullopt;
            }
            state.reserved_by = task.session;
            return state;
        case Kind::release:
            state.reserved_by = state.reserved_by == task.session ? 0 : state.reserved_by;
            return state;
        default:
            return persistent(state, task, effects);
    }
}

bool allows(const Reservations& state, const Task& task) {
    switch (task.kind) {
        case Kind::inquiry:
        case Kind::request_sense:
        case Kind::report_luns:
        case Kind::test_unit_ready:
        case Kind::read_capacity:
        case Kind::reserve:  // this and the rest by rules of their own
        case Kind::release:
        case Kind::persistent_reserve_in:
        case Kind::persistent_reserve_out:
            return true;
        default:
            break;
    }
    if (state.reserved_by != 0 && state.reserved_by != task.session) {
        return false;
    }
    if (state.type == 0) {
        return true;
    }
    const bool for_registrants = registrants_only(state.type) || all_registrants(state.type);
    if (for_registrants ? state.is_registered(task.initiator) : state.holder == task.initiator) {
        return true;
    }
    return write_exclusive(state.type) && (task.kind == Kind::read || task.kind == Kind::mode_sense);
}

}  // namespace targe::sim
