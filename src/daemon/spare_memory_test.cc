#include "daemon/spare_memory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace targe::daemon {
namespace {

using namespace std::chrono_literals;

TEST(SpareMemory, GoesBackOnceAfterManyEnds) {
    std::atomic<int> given = 0;
    SpareMemory memory([&given] { ++given; }, 50ms);
    std::this_thread::sleep_for(100ms);
    EXPECT_EQ(given, 0) << "nothing has ended";
    for (int round = 1; round <= 2; ++round) {
        for (int i = 0; i < 1000; ++i) {
            memory.something_ended();
        }
        while (given < round) {
            std::this_thread::sleep_for(1ms);
        }
    }
}

TEST(SpareMemory, GoesBackAlthoughThereIsNoQuiet) {
    std::promise<void> given;
    std::atomic<bool> done = false;
    SpareMemory memory(
        [&] {
            if (!done.exchange(true)) {
                given.set_value();
            }
        },
        20ms);
    while (!done) {
        memory.something_ended();
        std::this_thread::sleep_for(1ms);
    }
    given.get_future().get();
}

TEST(SpareMemory, EndsWithoutWaiting) {
    std::atomic<int> given = 0;
    {
        SpareMemory memory([&given] { ++given; }, 1h);
        memory.something_ended();
    }
    EXPECT_EQ(given, 0);
}

}  // namespace
}  // namespace targe::daemon
