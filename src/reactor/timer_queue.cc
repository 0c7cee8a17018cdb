#include "reactor/timer_queue.h"

#include <algorithm>

namespace targe::reactor {

namespace {
constexpr std::size_t kChildren = 4;
}

void TimerQueue::arm(base::Timer& timer, base::Time deadline) {
    if (!timer.armed()) {
        heap_.push_back(&timer);
        timer.slot = heap_.size() - 1;
    }
    timer.deadline = deadline;
    sift_up(timer, timer.slot);
    sift_down(timer, timer.slot);
}

void TimerQueue::disarm(base::Timer& timer) {
    if (!timer.armed()) {
        return;
    }
    const std::size_t slot = timer.slot;
    TARGE_ASSERT(slot < heap_.size() && heap_[slot] == &timer);
    timer.slot = base::Timer::kNoSlot;
    base::Timer& last = *heap_.back();
    heap_.pop_back();
    if (&last != &timer) {
        place(last, slot);
        sift_up(last, slot);
        sift_down(last, last.slot);
    }
}

std::optional<base::Time> TimerQueue::next_deadline() const {
    if (heap_.empty()) {
        return std::nullopt;
    }
    return heap_.front()->deadline;
}

base::Timer* TimerQueue::take_expired(base::Time now) {
    if (heap_.empty() || heap_.front()->deadline > now) {
        return nullptr;
    }
    base::Timer* const first = heap_.front();
    disarm(*first);
    return first;
}

void TimerQueue::place(base::Timer& timer, std::size_t slot) {
    heap_[slot] = &timer;
    timer.slot = slot;
}

void TimerQueue::sift_up(base::Timer& timer, std::size_t slot) {
    while (slot > 0) {
        const std::size_t parent = (slot - 1) / kChildren;
        if (heap_[parent]->deadline <= timer.deadline) {
            break;
        }
        place(*heap_[parent], slot);
        slot = parent;
    }
    place(timer, slot);
}

void TimerQueue::sift_down(base::Timer& timer, std::size_t slot) {
    for (;;) {
        const std::size_t first = slot * kChildren + 1;
        const std::size_t end = std::min(first + kChildren, heap_.size());
        std::size_t earliest = slot;
        base::Time best = timer.deadline;
        for (std::size_t child = first; child < end; ++child) {
            if (heap_[child]->deadline < best) {
                best = heap_[child]->deadline;
                earliest = child;
            }
        }
        if (earliest == slot) {
            break;
        }
        place(*heap_[earliest], slot);
        slot = earliest;
    }
    place(timer, slot);
}

}  // namespace targe::reactor
