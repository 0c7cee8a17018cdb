// Who has its turn when, of those that find or do much and those that find little: what takes long is done by
// one in a turn, so that whoever wants little waits for one piece, and not for a piece of everybody.
#include "reactor/large_turn.h"
#include "reactor/reactor.h"

#include <cstddef>

namespace targe::reactor {

namespace {

/// Pollers beyond these ask the ring instead: each costs a system call a turn.
constexpr std::size_t kPollers = 16;

}  // namespace

bool Reactor::run_pollers() {
    base::IntrusiveList<Poller, PollerTag> little;
    base::IntrusiveList<Poller, PollerTag> much;
    unsigned waiting = 0;
    while (!pollers_.empty()) {
        Poller& next = pollers_.pop_front();
        waiting += next.is_waited_for() ? 1 : 0;
        (next.found_much() ? much : little).push_back(next);
    }
    others_wait_ = waiting > 1;
    // What was begun is brought to its end before more comes in: somebody's memory waits for it.
    LargeTurn* const large = large_.empty() ? nullptr : &large_.pop_front();
    Poller* const stream = large != nullptr || much.empty() ? nullptr : &much.pop_front();
    while (!much.empty()) {
        pollers_.push_back(much.pop_front());
    }
    if (large != nullptr) {
        others_wait_ = waiting > 0;
        large->self_.resume();
    } else if (stream != nullptr) {
        // First, so that what comes meanwhile for those behind it is found, and answered, in this turn. Then
        // it is the last of its kind.
        pollers_.push_back(*stream);
        stream->poll();
    }
    bool any = large != nullptr || stream != nullptr;
    for (std::size_t asked = 0; !little.empty(); ++asked) {
        Poller& poller = little.pop_front();
        if (asked == kPollers) {
            // Those that found something last are in front: this one and the rest have been quiet the
            // longest.
            poller.park();
            --asked;
            continue;
        }
        pollers_.push_back(poller);
        const bool found = poller.poll();
        any = any || found;
        if (found && poller.linked()) {
            poller.unlink();
            pollers_.push_front(poller);
        }
    }
    return any;
}

void Reactor::add_large(LargeTurn& turn) {
    large_.push_back(turn);
}

void Reactor::run_turn_ends() {
    base::IntrusiveList<TurnEnd, TurnEndTag> little;
    base::IntrusiveList<TurnEnd, TurnEndTag> much;
    unsigned waiting = 0;
    while (!turn_ends_.empty()) {
        TurnEnd& next = turn_ends_.pop_front();
        waiting += next.is_waited_for() ? 1 : 0;
        (next.did_much() ? much : little).push_back(next);
    }
    others_wait_ = waiting > 1;
    while (!little.empty()) {
        little.pop_front().turn_ended();
    }
    if (much.empty()) {
        return;
    }
    TurnEnd& chosen = much.pop_front();
    // Before it, if it wants to go on.
    while (!much.empty()) {
        turn_ends_.push_back(much.pop_front());
    }
    chosen.turn_ended();
}

}  // namespace targe::reactor
