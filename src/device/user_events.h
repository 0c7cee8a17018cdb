// How one attachment and one queue wake each other, through the ring.
#pragma once

#include "device/user_attachment.h"
#include "reactor/reactor.h"

#include <cstdint>
#include <memory>

namespace targe::device {

class UserQueue;

/// The queue's eventfd is the handler's as well, which may change at any time whether it blocks: it is read
/// by the ring, where that can wait without anybody waiting for it. It must not be written: a write that the
/// ring begins asks twice whether it may wait, and waits in the reactor when the handler changes that in
/// between.
class UserEvents {
public:
    UserEvents(UserQueue& queue, reactor::Reactor& reactor, std::shared_ptr<UserAttachment> attachment,
               std::uint32_t index);

    /// UserQueue::woken() once the handler writes to the queue's eventfd.
    void await_handler();
    /// UserQueue::woken() in the next turn, though nobody writes.
    void wake_soon();
    /// Rings the handler's bell.
    void wake_handler();
    /// Leaves nothing in the ring that could stay there for ever.
    void quiet();
    /// The ring has nothing of it.
    [[nodiscard]] bool at_rest() const { return !heard_.in_flight && !soon_.in_flight && !bell_.in_flight; }
    /// The queue wants to hear no more; goes when the ring is done.
    void release();

private:
    struct Operation final : reactor::Completion {
        explicit Operation(UserEvents& owner) : events(owner) {}
        void completed(int result, unsigned flags) override;
        UserEvents& events;
        bool in_flight = false;
    };
    void ended(const Operation& operation, int result);
    void end_if_done();

    UserQueue* queue_;
    reactor::Reactor& reactor_;
    std::shared_ptr<UserAttachment> attachment_;
    std::uint32_t index_;
    Operation heard_{*this};
    Operation soon_{*this};
    Operation bell_{*this};
    bool rings_again_ = false;
    std::uint64_t count_ = 0;
    std::uint64_t one_ = 1;
};

}  // namespace targe::device
