#include "device/user_events.h"

#include "device/user_queue.h"

#include <liburing.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace targe::device {

UserEvents::UserEvents(UserQueue& queue, reactor::Reactor& reactor,
                       std::shared_ptr<UserAttachment> attachment, std::uint32_t index)
    : queue_(&queue), reactor_(reactor), attachment_(std::move(attachment)), index_(index) {}

void UserEvents::Operation::completed(int result, unsigned /*flags*/) {
    in_flight = false;
    events.ended(*this, result);
}

void UserEvents::await_handler() {
    if (!std::exchange(heard_.in_flight, true)) {
        io_uring_prep_read(&reactor_.prepare(heard_), attachment_->queue_events[index_].get(), &count_,
                           sizeof count_, 0);
    }
}

void UserEvents::wake_soon() {
    if (!std::exchange(soon_.in_flight, true)) {
        io_uring_prep_nop(&reactor_.prepare(soon_));
    }
}

void UserEvents::wake_handler() {
    if (std::exchange(bell_.in_flight, true)) {
        // It may have been rung already, and heard, by a handler that sleeps again.
        rings_again_ = true;
    } else {
        // One whose bell is full has been rung.
        io_uring_prep_send(&reactor_.prepare(bell_), attachment_->bell.get(), &one_, sizeof one_,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void UserEvents::quiet() {
    if (heard_.in_flight) {
        reactor_.cancel(heard_);
    }
}

void UserEvents::release() {
    queue_ = nullptr;
    quiet();
    end_if_done();
}

void UserEvents::ended(const Operation& operation, int result) {
    if (queue_ == nullptr) {
        end_if_done();
        return;
    }
    if (&operation == &bell_) {
        if (std::exchange(rings_again_, false)) {
            wake_handler();
        }
        return;
    }
    if (result == -EAGAIN) {
        attachment_->give_up("it changed how the eventfds of targed work");
    }
    queue_->woken();
}

void UserEvents::end_if_done() {
    if (at_rest()) {
        delete this;
    }
}

}  // namespace targe::device
