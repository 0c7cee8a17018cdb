// Tasks that wait for one another, [SAM-5 r21 8]: those of one nexus (TST 001b), or those of every nexus of a
// logical unit (TST 000b), of which each lane has the part that came to its core.
//
// SIMPLE tasks of a shared task set ask nobody: they look at the part of their own lane. An ORDERED task asks
// the unit's home for its turn (ordered_turns.h), and every other lane then lets no newer task begin until it
// has ended. HEAD OF QUEUE tasks wait for nobody, and tell the other lanes when they come and go.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"

#include <cstdint>
#include <functional>

namespace targe::engine {

class Command;
class Lane;

/// Names the turn that an ORDERED task of a shared task set waits for or has; 0: none.
using TurnId = std::uint64_t;

/// On its lane's core.
struct TaskSet {
    TaskSet(Lane& where, bool of_the_unit) : lane(where), shared(of_the_unit) {}

    Lane& lane;
    const bool shared;  ///< TST 000b
    /// Tasks here whose turn has come: they go on, whatever comes.
    std::uint32_t in_order = 0;
    /// What keeps newer tasks here from having theirs: an ORDERED task that has it, here or elsewhere, and
    /// HEAD OF QUEUE tasks.
    std::uint32_t barriers = 0;
    base::IntrusiveList<Command, struct Parked> out_of_turn;  ///< the oldest first
    /// Called, once, when no task here has its turn any more: the ORDERED task of another lane awaits them.
    std::function<void()> drained;
    /// ACA conditions in effect. More than one only where tasks of several nexuses failed at the same time.
    std::uint32_t aca_conditions = 0;
    base::IntrusiveList<Command, struct Parked> blocked;  ///< by them: aca.h
};

/// Waits for older tasks, as its attribute and theirs ask; else goes on.
void take_turn(Command& command);

/// It has left the task set: next_in_order() lets those go on that waited for it.
void leave_order(Command& command);
void next_in_order(TaskSet& set);

/// Ends with BUSY what waits for its turn: the device holds tasks that were to end.
void refuse_waiting(TaskSet& set);

// An ORDERED task of a shared task set, and the unit's home.
/// The one that waits here for `turn`, if it still does, may begin when it is the oldest.
void grant_turn(TaskSet& set, TurnId turn);
/// The command that had it, or waited for it, has ended.
void give_up_turn(TaskSet& set, TurnId turn);
/// Newer tasks here wait from now on; `drained` is called when no older one has its turn any more.
void bar(TaskSet& set, std::function<void()> drained);
void unbar(TaskSet& set);

}  // namespace targe::engine
