#include "device/user_events.h"

#include "device/testing_device.h"
#include "device/user_queue.h"

#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/eventfd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

struct Nobody final : UserQueueHost {
    void admit(std::uint64_t /*nexus*/, Admission /*says*/) override {}
    void defer(const DeferredError& /*error*/) override {}
};

struct Nothing final : reactor::Completion {
    void completed(int /*result*/, unsigned /*flags*/) override {}
};

/// Has what was prepared handed to the kernel within this turn, as a turn with much to do does: what it
/// completes is looked at later.
void submit(reactor::Reactor& reactor, Nothing& nothing) {
    for (unsigned i = 0; i <= reactor.options().ring_entries; ++i) {
        io_uring_prep_nop(&reactor.prepare(nothing));
    }
}

bool is_rung(const UserAttachment& attachment) {
    eventfd_t count = 0;
    return ::eventfd_read(attachment.handler_event.get(), &count) == 0;
}

class EventsOfAHandler : public ::testing::Test {
protected:
    ~EventsOfAHandler() override {
        on_.ask([&] {
            events_->release();
            queue_.reset();
            return true;
        });
    }

    /// Lets `what` be done on the reactor in the turn in which they are made.
    void begin(int flags, const std::function<void(reactor::Reactor&)>& what) {
        attachment_->handler_event = reactor::FileDescriptor{::eventfd(0, EFD_CLOEXEC | flags)};
        on_.ask([&] {
            reactor::Reactor& here = *reactor::Reactor::current();
            queue_ = std::make_unique<UserQueue>(presence_, settings_, nobody_, here, 0);
            events_ = new UserEvents(*queue_, here, attachment_, 0);
            what(here);
            return true;
        });
    }

    Nothing nothing_;        // the reactor may still have some of it in its ring at the end
    testing::OnReactor on_;  // which expects at its end that nothing else is
    UserPresence presence_;
    UserSettings settings_{.name = "disk"};
    Nobody nobody_;
    std::shared_ptr<UserAttachment> attachment_ = std::make_shared<UserAttachment>();
    std::unique_ptr<UserQueue> queue_;
    UserEvents* events_ = nullptr;
};

TEST_F(EventsOfAHandler, LeaveNothingInTheRingOnceTheyAreToBeQuiet) {
    constexpr eventfd_t kFull = UINT64_MAX - 1;
    begin(0, [&](reactor::Reactor&) {
        EXPECT_EQ(::eventfd_write(attachment_->handler_event.get(), kFull), 0);
        events_->wake_handler();
        events_->wake_handler();
    });
    on_.ask([&] {
        events_->quiet();
        return true;
    });
    // What was cancelled is known to be so some turns later.
    const auto leaks = [] { return reactor::Reactor::current()->leaks(); };
    for (int looks = 0; looks < 10'000 && !on_.ask(leaks).empty(); ++looks) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    EXPECT_EQ(on_.ask(leaks), std::vector<std::string>{});
}

TEST_F(EventsOfAHandler, WakeOneThatSleepsAgainBeforeItIsKnownToHaveBeenWoken) {
    begin(EFD_NONBLOCK, [&](reactor::Reactor& here) {
        events_->wake_handler();
        submit(here, nothing_);
        EXPECT_TRUE(is_rung(*attachment_));
        events_->wake_handler();
    });
    bool rung = false;
    for (int turns = 0; turns < 100 && !rung; ++turns) {
        rung = on_.ask([&] { return is_rung(*attachment_); });
    }
    EXPECT_TRUE(rung);
}

}  // namespace
}  // namespace targe::device
