#include "daemon/watched.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace targe::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kNever = std::chrono::hours{1};

TEST(Watched, GivesWhatComesOfTheWork) {
    const auto done = run_watched({.slow = kNever, .stuck = kNever}, nullptr, [](Steps& steps) {
        steps.next("one");
        steps.next("two");
        return 42;
    });
    EXPECT_EQ(done.value(), 42);
}

TEST(Watched, TellsOnceOfAStepThatIsSlow) {
    std::promise<void> answer;
    std::vector<std::string> slow;
    const auto done = run_watched(
        {.slow = 20ms, .stuck = kNever},
        [&](const std::string& what) {
            slow.push_back(what);
            answer.set_value();
        },
        [answered = answer.get_future()](Steps& steps) mutable {
            steps.next("/share/disk");
            answered.get();
            return true;
        });
    EXPECT_TRUE(done.value());
    EXPECT_THAT(slow, ::testing::ElementsAre("/share/disk"));
}

TEST(Watched, WaitsNoLongerForAStepThatIsStuck) {
    std::promise<void> answer;
    std::vector<std::string> slow;
    const auto done = run_watched(
        {.slow = 1ms, .stuck = 50ms}, [&](const std::string& what) { slow.push_back(what); },
        [answered = answer.get_future()](Steps& steps) mutable {
            steps.next("/disk");
            steps.next("/share/disk");
            answered.get();
            return true;
        });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().what, "/share/disk");
    EXPECT_THAT(slow, ::testing::Contains("/share/disk"));
    answer.set_value();
}

}  // namespace
}  // namespace targe::daemon
