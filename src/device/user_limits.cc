// How long requests wait, and what becomes of those that did so for too long.
#include "device/user_limits.h"

#include "device/user_queue.h"

#include <algorithm>

namespace targe::device {

base::Time UserQueue::deadline_of(const UserRequest& request) const {
    const base::Time deadline = request.accepted + settings_.deadline;
    return stop_at_ ? std::min(deadline, *stop_at_) : deadline;
}

/// Until when a handler that has it, or is to be told, may keep it.
base::Time UserQueue::limit_of_taken(const UserRequest& request) const {
    const base::Time overdue = deadline_of(request);
    return stop_at_ ? overdue
                    : device::limit_of_taken(overdue, attachment_->heard_last(), settings_.deadline);
}

base::Time UserQueue::limit_of_waiting(const UserRequest& request) const {
    if (attachment_) {
        return request.nobody_waits ? limit_of_taken(request) : deadline_of(request);
    }
    return stop_at_ ? base::Time{} : std::min(deadline_of(request), away_since_ + settings_.hold);
}

void UserQueue::look_at_limits() {
    expire_begun();
    expire_waiting();
    const base::Time now = reactor_.now();
    next_look_ = base::Time::max();
    for (const UserRequest& request : begun_) {
        const base::Time deadline = deadline_of(request);
        next_look_ = std::min(next_look_, deadline > now ? deadline : limit_of_taken(request));
    }
    for (const UserRequest& request : waiting_) {
        next_look_ = std::min(next_look_, limit_of_waiting(request));
    }
}

void UserQueue::expire_begun() {
    const base::Time now = reactor_.now();
    const char* hung = nullptr;
    Requests present;
    while (!begun_.empty()) {
        present.push_back(begun_.pop_front());
    }
    while (!present.empty()) {
        UserRequest& request = present.pop_front();
        const bool overdue = deadline_of(request) <= now;
        if (overdue && !request.nobody_waits && revoke(request.slot)) {
            slots_[request.slot].request = nullptr;
            end(request, UserRequest::End::away);
        } else if (!overdue || limit_of_taken(request) > now) {
            begun_.push_back(request);
        } else {
            hung = request.nobody_waits ? "it did not take note in time of what it was told"
                                        : "it did not end a command in time";
            static_cast<void>(revoke(request.slot));  // what it has not begun it need not
            end(request, UserRequest::End::timed_out);
        }
    }
    give_up_if(hung);
}

void UserQueue::expire_waiting() {
    const base::Time now = reactor_.now();
    const char* hung = nullptr;
    Requests present;
    while (!waiting_.empty()) {
        present.push_back(waiting_.pop_front());
    }
    while (!present.empty()) {
        UserRequest& request = present.pop_front();
        if (limit_of_waiting(request) > now) {
            waiting_.push_back(request);
        } else if (request.nobody_waits) {
            // Without it the handler would take the nexus, say, for none that there is. The next one hears
            // of all that is.
            hung = "it had no room for what it was to be told";
            end(request, UserRequest::End::away);
        } else {
            // What a former handler had begun may have been done, and nobody will know.
            end(request, request.begun ? UserRequest::End::timed_out : UserRequest::End::away);
        }
    }
    give_up_if(hung);
}

void UserQueue::give_up_if(const char* hung) {
    if (hung != nullptr) {
        attachment_->give_up(hung);
        lose();
    }
}

}  // namespace targe::device
