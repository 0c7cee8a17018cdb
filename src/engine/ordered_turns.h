// Whose turn it is among the ORDERED tasks of a shared task set (TST 000b), [SAM-5 r21 8.6].
#pragma once

#include "base/core.h"
#include "engine/task_set.h"

#include <cstddef>
#include <deque>

namespace targe::engine {

class LogicalUnit;

/// Part of the unit's home, and used on its core only. One turn after the other, in the order in which they
/// were wanted:
///
///     want ──► every other lane: begins nothing newer … older tasks end … answers
///          ──► the lane of the task: it begins when what is older there has ended, and runs alone
///     give_up ──► every other lane: newer tasks begin
///
/// A task that is ended while it waits gives up what it wants. Answers to a turn that was given up meanwhile
/// are recognized by its name.
class OrderedTurns {
public:
    explicit OrderedTurns(LogicalUnit& unit) : unit_(unit) {}

    void want(TurnId turn, base::Core& core);
    void give_up(TurnId turn);

private:
    struct Wanted {
        TurnId turn;
        base::Core* core;
    };
    void pump();
    void begin(Wanted wanted);
    void lane_drained(TurnId turn);
    void grant(Wanted wanted);

    LogicalUnit& unit_;
    std::deque<Wanted> wanted_;  ///< the first is the one whose turn it is, when `begun_`
    bool begun_ = false;
    bool pumping_ = false;
    std::size_t lanes_left_ = 0;
};

}  // namespace targe::engine
