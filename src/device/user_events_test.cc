#include "device/user_events.h"

#include "device/testing_device.h"
#include "device/user_queue.h"

#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/eventfd.h>

#include <chrono>
#include <cstdint>
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

TEST(UserEvents, LeaveNothingInTheRingOnceTheyAreToBeQuiet) {
    testing::OnReactor on;  // which expects so at its end
    UserPresence presence;
    const UserSettings settings{.name = "disk"};
    Nobody nobody;
    const auto attachment = std::make_shared<UserAttachment>();
    attachment->handler_event = reactor::FileDescriptor{::eventfd(0, EFD_CLOEXEC)};
    constexpr eventfd_t kFull = UINT64_MAX - 1;
    ASSERT_EQ(::eventfd_write(attachment->handler_event.get(), kFull), 0);
    std::unique_ptr<UserQueue> queue;
    UserEvents* events = nullptr;
    on.ask([&] {
        reactor::Reactor& here = *reactor::Reactor::current();
        queue = std::make_unique<UserQueue>(presence, settings, nobody, here, 0);
        events = new UserEvents(*queue, here, attachment, 0);
        events->wake_handler();
        events->wake_handler();
        return true;
    });
    on.ask([&] {
        events->quiet();
        return true;
    });
    // What was cancelled is known to be so some turns later.
    const auto leaks = [] { return reactor::Reactor::current()->leaks(); };
    for (int looks = 0; looks < 10'000 && !on.ask(leaks).empty(); ++looks) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    EXPECT_EQ(on.ask(leaks), std::vector<std::string>{});
    on.ask([&] {
        events->release();
        queue.reset();
        return true;
    });
}

TEST(UserEvents, WakeAHandlerThatSleepsAgainBeforeItIsKnownToHaveBeenWoken) {
    Nothing nothing;  // the reactor may still have some of it in its ring at the end
    testing::OnReactor on;
    UserPresence presence;
    const UserSettings settings{.name = "disk"};
    Nobody nobody;
    const auto attachment = std::make_shared<UserAttachment>();
    attachment->handler_event = reactor::FileDescriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::unique_ptr<UserQueue> queue;
    UserEvents* events = nullptr;
    on.ask([&] {
        reactor::Reactor& here = *reactor::Reactor::current();
        queue = std::make_unique<UserQueue>(presence, settings, nobody, here, 0);
        events = new UserEvents(*queue, here, attachment, 0);
        events->wake_handler();
        submit(here, nothing);
        EXPECT_TRUE(is_rung(*attachment));
        events->wake_handler();
        return true;
    });
    bool rung = false;
    for (int turns = 0; turns < 100 && !rung; ++turns) {
        rung = on.ask([&] { return is_rung(*attachment); });
    }
    EXPECT_TRUE(rung);
    on.ask([&] {
        events->release();
        queue.reset();
        return true;
    });
}

}  // namespace
}  // namespace targe::device
