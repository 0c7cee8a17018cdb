// What is completed just when the queue of a handler falls asleep, and what wakes it for nothing.
#include "device/user_block_fixture.h"
#include "device/user_device.h"
#include "reactor/reactor.h"

#include <gtest/gtest.h>
#include <liburing.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::RawHandler;

/// Beside a queue on its reactor. From its second turn on it is in front, so that it goes to sleep first.
struct Beside final : reactor::Poller {
    std::function<void()> polled = [] {};  ///< in its first turn
    std::function<void()> sleeps = [] {};
    bool poll() override {
        const bool first = std::exchange(first_, false);
        if (first) {
            polled();
        }
        return first;
    }
    void park() override { sleeps(); }

private:
    bool first_ = true;
};

/// Wakes the queue of a handler so often, each time that the reactor has fallen asleep: none of it waits for
/// another thread.
class Waker final : public reactor::Poller, public reactor::Completion {
public:
    explicit Waker(const RawHandler& handler) : handler_(handler) {}
    /// On the reactor.
    void wake(unsigned times) {
        left_ = times;
        reactor::Reactor::current()->add_poller(*this);
    }
    /// Until all were heard, or nobody hears any more.
    void await() { done_.get_future().wait(); }
    bool poll() override { return false; }
    void park() override {
        in_vain_ = handler_.is_ringing() ? in_vain_ + 1 : 0;
        if (left_ > 0 && in_vain_ == 0) {
            --left_;
            handler_.ring();
        }
        io_uring_prep_nop(&reactor::Reactor::current()->prepare(*this));
    }
    void completed(int /*result*/, unsigned /*flags*/) override {
        constexpr unsigned kNobody = 10'000;
        if (in_vain_ > kNobody || (left_ == 0 && !handler_.is_ringing())) {
            done_.set_value();
        } else {
            reactor::Reactor::current()->add_poller(*this);
        }
    }

private:
    const RawHandler& handler_;
    unsigned left_ = 0;
    unsigned in_vain_ = 0;  ///< sleeps since it rang
    std::promise<void> done_;
};

class Woken : public testing::WithRawBlocks {
protected:
    void SetUp() override {
        WithRawBlocks::SetUp();
        if (!IsSkipped()) {
            attach();
        }
    }
    /// A read in whose first turn `beside` comes to the reactor.
    IoResult read(Bytes& into, Beside& beside) {
        const base::Segment segment{into.data(), into.size()};
        return on_.run([&](base::CommandArena& arena) {
            reactor::Reactor::current()->add_poller(beside);
            return device().read(arena, 8, {&segment, 1});
        });
    }
    void wake(unsigned times) {
        Waker waker(*handler_);
        on_.ask([&] {
            waker.wake(times);
            return true;
        });
        waker.await();
        for (int turns = 0; turns < 2; ++turns) {  // the queue hears of the last
            on_.ask([] { return true; });
        }
    }
};

// A handler that sees that the queue is awake does not wake it.
TEST_F(Woken, IsAQueueByWhatWasCompletedWhileItFellAsleep) {
    Beside beside;
    beside.sleeps = [&] { handler_->complete_quietly(handler_->take()); };
    auto ended = std::async(std::launch::async, [&] { return read(data_, beside); });
    EXPECT_EQ(ended.wait_for(1min), std::future_status::ready) << "it sleeps";
    handler_->ring();
    EXPECT_TRUE(ended.get());
}

TEST_F(Woken, ForNothingIsAQueueTenThousandTimesBetweenCompletions) {
    constexpr unsigned kMost = 10'000;
    auto first = read_later(data_);
    const targe_completion of_first = handler_->take();
    wake(kMost);
    // It counts also where the queue finds it before it is woken.
    Beside beside;
    beside.polled = [&] {
        handler_->complete_quietly(of_first);
        base::post(*reactor::Reactor::current(), [] {});  // so that there is a next turn before it sleeps
    };
    Bytes other(512);
    auto second = std::async(std::launch::async, [&] { return read(other, beside); });
    EXPECT_TRUE(first.get());
    static_cast<void>(handler_->take());
    wake(kMost);
    EXPECT_FALSE(device().away());
    wake(1);
    EXPECT_TRUE(device().away());
    handler_->lose_connection();
    EXPECT_FALSE(second.get());
}

}  // namespace
}  // namespace targe::device
