#include "device/user_events.h"

#include "device/testing_device.h"
#include "device/user_queue.h"
#include "device/user_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
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

/// Takes all that it was rung.
bool is_rung(const reactor::FileDescriptor& handlers) {
    std::array<char, 4096> rings{};
    bool any = false;
    while (::recv(handlers.get(), rings.data(), rings.size(), MSG_DONTWAIT) > 0) {
        any = true;
    }
    return any;
}

/// So that it cannot be rung once more.
void fill(const reactor::FileDescriptor& targeds) {
    constexpr std::uint64_t kRing = 1;
    while (::send(targeds.get(), &kRing, sizeof kRing, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
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
    void begin(const std::function<void(reactor::Reactor&)>& what) {
        Bell bell = make_bell();
        attachment_->bell = std::move(bell.targeds);
        handlers_ = std::move(bell.handlers);
        attachment_->queue_events.emplace_back(::eventfd(0, EFD_CLOEXEC));
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
    reactor::FileDescriptor handlers_;  ///< end of the bell
};

TEST_F(EventsOfAHandler, LeaveNothingInTheRingOnceTheyAreToBeQuiet) {
    begin([&](reactor::Reactor&) {
        fill(attachment_->bell);
        events_->await_handler();
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
    begin([&](reactor::Reactor& here) {
        events_->wake_handler();
        submit(here, nothing_);
        EXPECT_TRUE(is_rung(handlers_));
        events_->wake_handler();
    });
    bool rung = false;
    for (int turns = 0; turns < 100 && !rung; ++turns) {
        rung = on_.ask([&] { return is_rung(handlers_); });
    }
    EXPECT_TRUE(rung);
}

TEST_F(EventsOfAHandler, HoldUpNoReactorWhateverTheHandlerDoesToItsEnds) {
    constexpr unsigned kTurns = 2000;
    begin([](reactor::Reactor&) {});
    std::jthread handler([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            for (const int end : {handlers_.get(), attachment_->queue_events[0].get()}) {
                ::fcntl(end, F_SETFL, O_NONBLOCK);
                ::fcntl(end, F_SETFL, 0);
            }
        }
    });
    auto turns = std::async(std::launch::async, [this] {
        for (unsigned turn = 0; turn < kTurns; ++turn) {
            is_rung(handlers_);
            fill(attachment_->bell);
            on_.ask([this] {
                events_->await_handler();
                events_->wake_handler();
                return true;
            });
        }
    });
    EXPECT_EQ(turns.wait_for(std::chrono::minutes{1}), std::future_status::ready) << "it waits in a call";
    handler.request_stop();
    handler.join();
    while (turns.wait_for(std::chrono::milliseconds{1}) != std::future_status::ready) {
        is_rung(handlers_);
    }
}

TEST_F(EventsOfAHandler, RingNobodyWhoHasClosedItsEnd) {
    begin([&](reactor::Reactor&) {
        handlers_ = {};
        events_->wake_handler();
    });
    EXPECT_TRUE(on_.ask([] { return true; }));  // and no signal came
}

}  // namespace
}  // namespace targe::device
