// The way from one core to a handler in another program and back.
#pragma once

#include "base/core.h"
#include "base/intrusive_list.h"
#include "device/device.h"
#include "device/device_observer.h"
#include "device/user_attachment.h"
#include "device/user_presence.h"
#include "device/user_request.h"
#include "reactor/reactor.h"
#include "reactor/spin.h"

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace targe::device {

class UserEvents;

/// Who hears what a queue is told besides answers. Called on the queue's core, and does not wait.
class UserQueueHost {
public:
    virtual void admit(std::uint64_t nexus, Admission says) = 0;
    virtual void defer(const DeferredError& error) = 0;

protected:
    ~UserQueueHost() = default;
};

/// Used on its core only, but for tell(). Nothing that a handler does keeps a request longer than its
/// deadline, and no completion is believed before it was compared with what was asked.
class UserQueue final : public reactor::Poller,
                        public reactor::TurnEnd,
                        private base::Timer,
                        private base::Message {
public:
    static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20U;  ///< of one READ or WRITE

    UserQueue(UserPresence& presence, const UserSettings& settings, UserQueueHost& host,
              reactor::Reactor& reactor, std::uint32_t index);
    ~UserQueue();

    /// `co_await queue.perform(request)`: request.end says how it ended. Its segments stay in place until
    /// then.
    [[nodiscard]] auto perform(UserRequest& request) {
        struct Awaiter {
            UserQueue& queue;
            UserRequest& request;
            [[nodiscard]] bool await_ready() const { return !queue.accept(request); }
            void await_suspend(std::coroutine_handle<> self) {
                request.waiter = self;
                queue.enqueue(request);
            }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this, request};
    }

    // See CommandServer.
    [[nodiscard]] bool join(const ServerNexus& nexus);
    void depart(std::uint64_t nexus);
    void leave(std::uint64_t nexus);
    void tell_of_management(std::uint8_t function, bool done, std::uint64_t nexus);
    void tell_of_delivery(std::uint64_t nexus, std::uint64_t report, bool arrived);
    /// Tells the next handler, too.
    void tell_of_reservations(const ReservationFacts& facts);

    /// Whether a READ of so many bytes may leave its data in the memory that is shared. Those hold a slot
    /// each until they are given back, which an initiator may delay: half of the slots never do. Only a
    /// handler that lends memory of its own, which holds none, is asked for more than a slot's piece.
    [[nodiscard]] bool may_lend(std::uint64_t bytes) const;
    void give_back(std::uint64_t loan);

    /// The presence has changed. From any thread.
    void tell();
    /// After UserPresence::stop(), when nothing is under way: whether it may end though its core runs on.
    [[nodiscard]] bool at_rest() const;

    bool poll() override;
    void park() override;
    void turn_ended() override;

private:
    friend class UserEvents;
    struct Slot {
        UserRequest* request = nullptr;  ///< null, and not free: it was given up, and its completion is owed
        std::uint32_t generation = 0;
        std::uint32_t arena_offset = 0;
        std::uint32_t arena_bytes = 0;
        std::uint32_t in_offset = 0;
        bool in_use = false;
        bool goes_on = false;  ///< it was answered, and is completed once more
        bool lent = false;     ///< it was completed, and its data are in use
        bool may_remap = false;
        std::uint64_t nexus = 0;
    };
    /// What is left of an attachment that was lost while data of it were in use.
    struct OldLoans {
        std::uint32_t number;
        std::shared_ptr<UserAttachment> attachment;
        std::uint32_t count;
    };
    struct Reservations {
        ReservationFacts facts;
        std::string holder;
    };
    using Requests = base::IntrusiveList<UserRequest, UserRequests>;

    void run() override;
    void expired() override;
    void look_at_presence();

    /// Whether the request has to wait; else it has ended.
    bool accept(UserRequest& request);
    void enqueue(UserRequest& request);
    void activate();
    void woken();

    [[nodiscard]] bool wants_nexuses() const;
    void introduce(const ServerNexus& one);
    void introduce_all();
    void introduce_reservations();
    void send(std::unique_ptr<UserRequest> notice);
    static void forget(UserRequest& notice);
    template <class Goes>
    void forget_where(const Goes& goes);
    void forget_all_notices();

    void attach(std::shared_ptr<UserAttachment> attachment);
    void lose();
    void offer_waiting();
    [[nodiscard]] bool offer(UserRequest& request);
    void fill(std::uint32_t number, const UserRequest& request);
    void clear_data_of_others(const Slot& slot, const UserRequest& request);
    [[nodiscard]] targe_slot& shared_slot(std::uint32_t number) const;

    void let_handler_run();
    bool reap();
    /// Why it cannot be; null when it was taken.
    [[nodiscard]] const char* take(const targe_completion& completion);
    [[nodiscard]] const char* check(const UserRequest& request, const targe_completion& completion) const;
    [[nodiscard]] const char* let_go_on(std::uint32_t number, const targe_completion& completion);
    [[nodiscard]] const char* end_what_went_on(std::uint32_t number, const targe_completion& completion);
    [[nodiscard]] bool may_remap(const UserRequest& request) const;
    [[nodiscard]] std::shared_ptr<const ServerRemap> remap_of(const Slot& slot,
                                                              const targe_completion& completion) const;
    [[nodiscard]] bool is_of_who_left(const UserRequest& request) const;
    [[nodiscard]] bool is_of_handler(const UserRequest& request, const targe_completion& completion) const;
    void lend(std::uint32_t number, UserRequest& request);
    void count_loan(std::uint64_t bytes, int by);
    void keep_loans();
    void lose_what_went_on();
    void free_slot(std::uint32_t number);
    [[nodiscard]] bool revoke(std::uint32_t number);

    [[nodiscard]] bool idle() const {
        return waiting_.empty() && begun_.empty() && (going_on_ == 0 || stop_at_);
    }
    [[nodiscard]] base::Time deadline_of(const UserRequest& request) const;
    [[nodiscard]] base::Time limit_of_taken(const UserRequest& request) const;
    [[nodiscard]] base::Time limit_of_waiting(const UserRequest& request) const;
    void look_at_limits();
    void expire_begun();
    void expire_waiting();
    void give_up_if(const char* hung);
    void end(UserRequest& request, UserRequest::End how);
    bool resume_ended();

    UserPresence& presence_;
    const UserSettings& settings_;
    UserQueueHost& host_;
    reactor::Reactor& reactor_;
    std::uint32_t index_;
    std::atomic<bool> told_ = false;

    std::shared_ptr<UserAttachment> attachment_;
    targe_queue* shared_ = nullptr;
    UserEvents* events_ = nullptr;  ///< ends itself, when the ring is done with it
    std::optional<UserArena> arena_;
    UserArenaOwners owners_;  ///< of what commands have had in it
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::uint32_t offered_ = 0;
    std::uint32_t reaped_ = 0;
    std::uint32_t generation_ = 0;
    std::uint32_t going_on_ = 0;         ///< slots
    std::uint32_t lending_ = 0;          ///< slots that are lent, and requests that ask for it
    std::uint64_t lending_bytes_ = 0;    ///< of these, what is more than a slot's piece each
    std::uint32_t lent_by_handler_ = 0;  ///< loans of its own memory
    std::uint32_t attachments_ = 0;
    std::vector<OldLoans> old_loans_;
    std::uint32_t wakes_for_nothing_ = 0;
    std::uint32_t offered_before_ = 0;  ///< when poll() looked last
    reactor::CpuDemand cpu_demand_;
    base::Time away_since_{};
    base::Time next_look_ = base::Time::max();  ///< at the limits; no request has one before it
    std::optional<base::Time> stop_at_;         ///< the daemon ends: nothing waits beyond it

    std::vector<ServerNexus> nexuses_;  ///< that see the unit by way of this core
    /// Of these, whom a handler is to be told of that this queue has not attached yet.
    std::vector<std::uint64_t> promised_;
    std::optional<Reservations> reservations_;

    Requests waiting_;
    Requests begun_;  ///< offered
    Requests ended_;  ///< to be resumed
};

}  // namespace targe::device
