#include "reactor/reactors.h"

#include "base/task.h"
#include "reactor/testing_reactors.h"
#include "reactor/testing_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <future>
#include <thread>

namespace targe::reactor {
namespace {
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::on;
using testing::start;

base::Detached hop_round(base::CommandArena& /*arena*/, base::Cores cores, int rounds,
                         std::promise<void>& ended) {
    for (int i = 0; i < rounds; ++i) {
        base::Core& next = *cores[static_cast<std::size_t>(i) % cores.size()];
        co_await base::hop_to(next);
        EXPECT_EQ(Reactor::current(), &next);
    }
    ended.set_value();
}

TEST(Reactors, CarryCoroutinesFromCoreToCore) {
    const auto reactors = start(3);
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 8192> block;
    base::CommandArena arena{block};
    std::promise<void> ended;
    on((*reactors)[0], [&] { hop_round(arena, reactors->cores(), 3000, ended); });
    ended.get_future().get();
    reactors->stop();
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

TEST(Reactors, EndWhenNoneOfThemHasAnythingLeftForAnother) {
    const auto reactors = start(2);
    bool arrived = false;
    std::promise<void> begun;
    base::post((*reactors)[1], [&] {
        begun.set_value();
        std::this_thread::sleep_for(50ms);
        base::post((*reactors)[0], [&] {
            base::post((*reactors)[1], [&] { base::post((*reactors)[0], [&] { arrived = true; }); });
        });
    });
    begun.get_future().wait();
    reactors->stop();
    EXPECT_TRUE(arrived);
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

/// Each message sends the next one, to the other core where there is one.
struct Chain {
    base::Cores cores;
    std::chrono::milliseconds each{};
    int left = 0;
    void go_on() {
        std::this_thread::sleep_for(each);
        if (--left > 0) {
            base::post(*cores[static_cast<std::size_t>(left) % cores.size()], [this] { go_on(); });
        }
    }
};

TEST(Reactors, EndBeforeNoMessageThatIsOnItsWayBetweenThem) {
    for (int round = 0; round < 50; ++round) {
        const auto reactors = start(2);
        Chain chain{.cores = reactors->cores(), .left = 200};
        base::post((*reactors)[0], [&] { chain.go_on(); });
        reactors->stop();
        EXPECT_EQ(chain.left, 0);
        EXPECT_THAT(reactors->leaks(), ElementsAre());
    }
}

TEST(Reactors, RunMessagesToTheLastOneOnAMachineThatStoodStill) {
    const auto reactors = start(1);
    Chain chain{.cores = reactors->cores(), .each = 20ms, .left = 6};
    std::promise<void> begun;
    base::post((*reactors)[0], [&] {
        begun.set_value();
        chain.go_on();
    });
    begun.get_future().wait();
    reactors->stop(10ms);
    EXPECT_EQ(chain.left, 0);
    EXPECT_THAT(reactors->leaks(), ElementsAre());
}

TEST(Reactors, AreAsManyAsTheUsableCpusByDefault) {
    auto reactors = Reactors::start({});
    ASSERT_TRUE(reactors);
    EXPECT_EQ((*reactors)->size(), usable_cpus().size());
    EXPECT_EQ((*reactors)->cores().size(), usable_cpus().size());
}

TEST(Reactors, SayThatNoThreadCanBeHad) {
    const testing::NoThreads none;
    const auto made = Reactors::start({.count = 2, .pin = false, .each = {}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().error, EAGAIN);
    EXPECT_THAT(made.error().text, HasSubstr("TasksMax"));
}

}  // namespace
}  // namespace targe::reactor
