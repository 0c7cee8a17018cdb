// Messages on their way to a core.
#pragma once

#include "base/core.h"

#include <atomic>

namespace targe::reactor {

/// Messages in the order in which they were put in.
class MessageList {
public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    void push_back(base::Message& message) {
        message.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &message;
        last_ = &message;
    }
    /// The list must not be empty.
    base::Message& pop_front() {
        base::Message& first = *first_;
        first_ = first.next;
        return first;
    }
    /// Puts all of `others`, newest first and linked by next, behind what is here, oldest first.
    void append_reversed(base::Message* others);

private:
    base::Message* first_ = nullptr;
    base::Message* last_ = nullptr;
};

/// Any thread puts messages in; one takes them all out. Lock-free. The sender learns whether the owner sleeps
/// and must be woken: while it is awake nobody makes a system call.
class Inbox {
public:
    /// Whether the owner slept and the caller must wake it. Only one of several senders is told so.
    [[nodiscard]] bool put(base::Message& message);
    /// For whoever has no message but wants the owner to look round.
    [[nodiscard]] bool knock() { return asleep_.load() && asleep_.exchange(false); }

    // The rest only by the owner.

    void take_into(MessageList& list);
    [[nodiscard]] bool empty() const { return newest_.load(std::memory_order_relaxed) == nullptr; }
    /// From here on senders are told to wake. False, and awake still, when a message has come meanwhile.
    [[nodiscard]] bool fall_asleep();
    void awake() { asleep_.store(false, std::memory_order_relaxed); }

private:
    // A line of their own: senders on other cores write here.
    alignas(64) std::atomic<base::Message*> newest_ = nullptr;
    std::atomic<bool> asleep_ = false;
};

}  // namespace targe::reactor
