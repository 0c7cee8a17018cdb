#include "device/user_queue.h"

#include "device/user_events.h"
#include "device/user_remap.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace targe::device {

namespace {

/// What the handler gets for what it has in hand, when the daemon ends.
constexpr std::chrono::seconds kStopLimit{4};
/// Wake-ups in a row while nothing was completed: no handler means that.
constexpr std::uint32_t kWakesForNothing = 10'000;

/// What a SESSION_ATTACH that has ended says of its nexus.
Admission said_by(const UserRequest& attach) {
    const bool said = attach.end == UserRequest::End::answered &&
                      (attach.answer.error == 0 || attach.answer.error == EACCES);
    if (!said) {
        return Admission::unheard;
    }
    return attach.answer.error == 0 ? Admission::admitted : Admission::refused;
}

}  // namespace

UserQueue::UserQueue(UserPresence& presence, const UserSettings& settings, UserQueueHost& host,
                     reactor::Reactor& reactor, std::uint32_t index)
    : presence_(presence), settings_(settings), host_(host), reactor_(reactor), index_(index) {
    Poller::is_waited_for_ = TurnEnd::is_waited_for_ = false;
    presence_.join(*this);
    // A message that is on its way since then stays the one that told_ speaks of.
    look_at_presence();
}

UserQueue::~UserQueue() {
    // Nobody hears any more what the handler was to be told.
    for (Requests* const list : {&waiting_, &begun_}) {
        while (!list->empty()) {
            UserRequest& left = list->pop_front();
            TARGE_ASSERT(left.nobody_waits);
            forget(left);
        }
    }
    TARGE_ASSERT(ended_.empty());
    if (attachment_) {
        events_->release();
    }
}

bool UserQueue::at_rest() const {
    return stop_at_ && idle() && ended_.empty() && !told_ && !armed() && !Poller::linked() &&
           !TurnEnd::linked() && (events_ == nullptr || events_->at_rest());
}

void UserQueue::tell() {
    if (!told_.exchange(true)) {
        reactor_.post(*this);
    }
}

void UserQueue::run() {
    told_ = false;
    look_at_presence();
}

void UserQueue::look_at_presence() {
    const UserPresence::Now now = presence_.look();
    if (attachment_ && now.attachment != attachment_) {
        if (!attachment_->given_up()) {
            reap();  // what it ended before it went
        }
        lose();
    }
    away_since_ = now.away_since;
    if (now.attachment && !now.attachment->given_up() && !attachment_) {
        attach(now.attachment);
    }
    for (const std::uint64_t nexus : std::exchange(promised_, {})) {
        if (!attachment_) {
            host_.admit(nexus, Admission::unheard);  // the handler that was to be asked is gone
        }
    }
    if (now.stopping) {
        stop_at_ = reactor::RunningTime::now() + kStopLimit;
        forget_all_notices();
    }
    next_look_ = {};
    activate();
}

bool UserQueue::accept(UserRequest& request) {
    request.accepted = reactor_.now();
    if (attachment_ && request.op == 0) {
        request.end = UserRequest::End::answered;
        return false;
    }
    if (is_of_who_left(request)) {
        request.end = UserRequest::End::reset;
        return false;
    }
    if (limit_of_waiting(request) <= reactor_.now() ||
        (arena_ && total_size(request.out) + request.in_bytes() > arena_->largest() / 2)) {
        request.end = UserRequest::End::away;
        return false;
    }
    return true;
}

void UserQueue::enqueue(UserRequest& request) {
    if (request.lends) {
        count_loan(request.length, 1);
    }
    waiting_.push_back(request);
    next_look_ = std::min(next_look_, limit_of_waiting(request));
    activate();
    offer_waiting();
}

void UserQueue::activate() {
    if (!Poller::linked()) {
        if (shared_ != nullptr) {
            std::atomic_ref(shared_->engine_asleep).store(0, std::memory_order_relaxed);
        }
        reactor_.disarm(*this);
        reactor_.add_poller(*this);
    }
}

bool UserQueue::poll() {
    bool any = false;
    if (attachment_) {
        if (!attachment_->given_up()) {
            any = reap();
            if (!any) {
                let_handler_run();
                any = reap();
            }
        }
        if (attachment_->given_up()) {
            lose();
        }
    }
    if (reactor_.now() >= next_look_) {
        look_at_limits();
    }
    offer_waiting();
    any = resume_ended() || any;
    if (idle()) {
        Poller::unlink();
        reactor_.disarm(*this);
        if (stop_at_ && attachment_) {
            events_->quiet();
        }
    }
    return any;
}

/// A handler on this CPU does nothing while this thread spins. Not in the turn in which something was
/// offered: at its end answers leave.
void UserQueue::let_handler_run() {
    if (begun_.empty() || std::exchange(offered_before_, offered_) != offered_ ||
        !cpu_demand_.leaves_room(reactor_.now())) {
        return;
    }
    const auto here = static_cast<std::uint32_t>(::sched_getcpu() + 1);
    std::atomic_ref(shared_->engine_cpu).store(here, std::memory_order_relaxed);
    targe_queue& first = attachment_->memory->queue(0);
    if (std::atomic_ref(first.handler_cpu).load(std::memory_order_relaxed) != here) {
        return;
    }
    const base::Time before = reactor::RunningTime::now();
    ::sched_yield();
    const base::Time after = reactor::RunningTime::now();
    cpu_demand_.yielded(after - before, after);
}

void UserQueue::park() {
    if (idle()) {
        return;
    }
    if (shared_ != nullptr) {
        std::atomic_ref(shared_->engine_asleep).store(1, std::memory_order_seq_cst);
        if (std::atomic_ref(shared_->completed).load(std::memory_order_seq_cst) != reaped_) {
            events_->wake_soon();
        } else {
            events_->await_handler();
        }
    }
    if (next_look_ != base::Time::max()) {
        reactor_.arm(*this, next_look_);
    }
}

void UserQueue::woken() {
    ++wakes_for_nothing_;
    activate();
    poll();
    if (wakes_for_nothing_ > kWakesForNothing && attachment_) {
        attachment_->give_up("it wakes targed without end, and for nothing");
        poll();  // it may wake nobody any more
    }
}

void UserQueue::expired() {
    activate();
    poll();
}

void UserQueue::turn_ended() {
    if (!attachment_) {
        return;
    }
    const std::atomic_ref asleep(attachment_->memory->queue(0).handler_asleep);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_relaxed) != 0 && asleep.exchange(0) != 0) {
        events_->wake_handler();
    }
}

void UserQueue::attach(std::shared_ptr<UserAttachment> attachment) {
    attachment_ = std::move(attachment);
    const UserLayout& layout = attachment_->memory->layout();
    TARGE_ASSERT(index_ < layout.queues);
    shared_ = &attachment_->memory->queue(index_);
    events_ = new UserEvents(*this, reactor_, attachment_, index_);
    arena_.emplace(layout.arena_bytes, layout.slots);
    owners_ = {};
    slots_.assign(layout.slots, Slot{});
    free_slots_.clear();
    for (std::uint32_t slot = layout.slots; slot > 0; --slot) {
        free_slots_.push_back(slot - 1);
    }
    offered_ = reaped_ = wakes_for_nothing_ = lent_by_handler_ = 0;
    ++attachments_;
    // Nexuses come before their commands.
    Requests behind;
    while (!waiting_.empty()) {
        UserRequest& request = waiting_.pop_front();
        if (attachment_->replaces && request.server != nullptr) {
            end(request, UserRequest::End::reset);  // it was meant for a unit as the last handler had it
        } else {
            behind.push_back(request);
        }
    }
    introduce_all();
    introduce_reservations();
    while (!behind.empty()) {
        waiting_.push_back(behind.pop_front());
    }
}

void UserQueue::lose() {
    Requests behind;
    while (!waiting_.empty()) {
        behind.push_back(waiting_.pop_front());
    }
    while (!begun_.empty()) {
        UserRequest& request = begun_.pop_front();
        request.begun = !revoke(request.slot) || request.begun;
        if (request.server != nullptr) {
            request.server->told = nullptr;  // it lies in memory that goes
        }
        if (request.nobody_waits || (request.begun && !request.may_be_repeated)) {
            end(request, UserRequest::End::lost);
        } else if (is_part_of_remap(request)) {
            end(request, UserRequest::End::reset);
        } else {
            waiting_.push_back(request);
        }
    }
    while (!behind.empty()) {
        UserRequest& request = behind.pop_front();
        if (request.nobody_waits) {
            end(request, UserRequest::End::away);
        } else if (is_part_of_remap(request)) {
            end(request, UserRequest::End::reset);
        } else {
            waiting_.push_back(request);
        }
    }
    lose_what_went_on();
    keep_loans();
    if (attachment_->given_up()) {
        presence_.give_up(attachment_, settings_.name);
    }
    std::exchange(events_, nullptr)->release();
    shared_ = nullptr;
    arena_.reset();
    attachment_.reset();
    away_since_ = reactor::RunningTime::now();
    next_look_ = {};
}

void UserQueue::end(UserRequest& request, UserRequest::End how) {
    request.end = how;
    if (request.lends) {
        count_loan(request.length, -1);
    }
    if (request.server != nullptr) {
        request.server->told = nullptr;
    }
    if (request.nobody_waits) {
        if (request.op == TARGE_OP_SESSION_ATTACH) {
            host_.admit(request.session, said_by(request));
        }
        forget(request);
        return;
    }
    ended_.push_back(request);
}

bool UserQueue::resume_ended() {
    Requests present;
    while (!ended_.empty()) {
        present.push_back(ended_.pop_front());
    }
    const bool any = !present.empty();
    while (!present.empty()) {
        // Whoever waits may ask for more, and the request is gone afterwards.
        present.pop_front().waiter.resume();
    }
    return any;
}

}  // namespace targe::device
