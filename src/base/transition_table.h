// State machines as data: the table is the specification, the checks run at compile time.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

namespace targe::base {

template <class State, class Event>
struct Transition {
    State from;
    Event on;
    State to;
};

template <class State, class Event, std::size_t N>
constexpr std::optional<State> next(const std::array<Transition<State, Event>, N>& table, State from,
                                    Event on) {
    for (const auto& row : table) {
        if (row.from == from && row.on == on) {
            return row.to;
        }
    }
    return std::nullopt;
}

template <class State, class Event, std::size_t N>
consteval bool deterministic(const std::array<Transition<State, Event>, N>& table) {
    for (std::size_t a = 0; a < N; ++a) {
        for (std::size_t b = a + 1; b < N; ++b) {
            if (table[a].from == table[b].from && table[a].on == table[b].on) {
                return false;
            }
        }
    }
    return true;
}

/// Every state named in the table can be reached from `start`.
template <class State, class Event, std::size_t N>
consteval bool reachable_from(const std::array<Transition<State, Event>, N>& table, State start) {
    std::array<bool, N> seen{};
    const auto reached = [&](State s) {
        for (std::size_t i = 0; i < N; ++i) {
            if (seen[i] && table[i].to == s) {
                return true;
            }
        }
        return s == start;
    };
    for (std::size_t pass = 0; pass < N; ++pass) {
        for (std::size_t i = 0; i < N; ++i) {
            seen[i] = seen[i] || reached(table[i].from);
        }
    }
    for (const bool s : seen) {
        if (!s) {
            return false;
        }
    }
    return true;
}

}  // namespace targe::base
