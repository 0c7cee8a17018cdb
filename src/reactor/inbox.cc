#include "reactor/inbox.h"

namespace targe::reactor {

void MessageList::append_reversed(base::Message* others) {
    base::Message* const last = others;
    base::Message* first = nullptr;
    while (others != nullptr) {
        base::Message* const older = others->next;
        others->next = first;
        first = others;
        others = older;
    }
    if (first != nullptr) {
        (first_ == nullptr ? first_ : last_->next) = first;
        last_ = last;
    }
}

// Sleeping and sending must not miss each other: the sender writes newest_ and then reads asleep_, the owner
// writes asleep_ and then reads newest_. All four are sequentially consistent, so at least one sees what the
// other wrote.

bool Inbox::put(base::Message& message) {
    base::Message* newest = newest_.load(std::memory_order_relaxed);
    do {
        message.next = newest;
        // A read-modify-write: what base::copy_past_caches wrote is there before the message is.
    } while (!newest_.compare_exchange_weak(newest, &message));
    return knock();
}

void Inbox::take_into(MessageList& list) {
    if (!empty()) {
        list.append_reversed(newest_.exchange(nullptr, std::memory_order_acquire));
    }
}

bool Inbox::fall_asleep() {
    asleep_.store(true);
    if (newest_.load() == nullptr) {
        return true;
    }
    awake();
    return false;
}

}  // namespace targe::reactor
