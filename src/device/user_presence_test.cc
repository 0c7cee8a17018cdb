#include "device/user_presence.h"

#include "device/testing_device.h"
#include "device/user_queue.h"
#include "device/user_settings.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

namespace targe::device {
namespace {

std::shared_ptr<UserAttachment> some_handler() {
    return std::make_shared<UserAttachment>();
}

TEST(UserPresence, KnowsWhetherThereIsAHandlerAndSinceWhenThereIsNone) {
    UserPresence presence;
    EXPECT_TRUE(presence.away());
    EXPECT_EQ(presence.look().attachment, nullptr);
    const auto handler = some_handler();
    const base::Time before = reactor::RunningTime::now();
    presence.set(handler);
    EXPECT_FALSE(presence.away());
    EXPECT_EQ(presence.look().attachment, handler);
    presence.set(nullptr);
    EXPECT_TRUE(presence.away());
    EXPECT_GE(presence.look().away_since, before);
}

// For so long requests have been held already: one that lets go, or ends, later holds them no longer.
TEST(UserPresence, CountsOneThatIsGivenUpAsAwayFromThenOn) {
    UserPresence presence;
    const auto handler = some_handler();
    presence.set(handler);
    handler->give_up("it hangs");
    presence.give_up(handler, "disk");
    EXPECT_TRUE(presence.away());
    const base::Time since = presence.look().away_since;
    while (reactor::RunningTime::now() == since) {
        std::this_thread::yield();
    }
    presence.set(nullptr);
    EXPECT_EQ(presence.look().away_since, since);
}

// A core that has nothing to do learns of it late.
TEST(UserPresence, GivesUpNobodyButTheOneThatIsMeant) {
    UserPresence presence;
    const auto first = some_handler();
    presence.set(first);
    first->give_up("it hangs");
    presence.give_up(first, "disk");
    presence.set(nullptr);
    const auto second = some_handler();
    presence.set(second);
    presence.give_up(first, "disk");
    EXPECT_FALSE(presence.away());
    EXPECT_EQ(presence.look().attachment, second);
}

TEST(UserPresence, KeepsTheFirstReasonForGivingUp) {
    const auto handler = some_handler();
    EXPECT_FALSE(handler->given_up());
    handler->give_up("it hangs");
    handler->give_up("it lies");
    EXPECT_TRUE(handler->given_up());
    EXPECT_EQ(handler->reason(), "it hangs");
}

TEST(UserPresence, HeardLastOfTheQueueThatHeardLast) {
    const auto handler = some_handler();
    EXPECT_EQ(handler->heard_last(), base::Time{});
    handler->heard[0].at = base::Time{std::chrono::seconds{2}};
    handler->heard[TARGE_MAX_QUEUES - 1].at = base::Time{std::chrono::seconds{1}};
    EXPECT_EQ(handler->heard_last(), base::Time{std::chrono::seconds{2}});
    handler->heard[TARGE_MAX_QUEUES - 1].at = base::Time{std::chrono::seconds{3}};
    EXPECT_EQ(handler->heard_last(), base::Time{std::chrono::seconds{3}});
}

/// Hears nothing that matters.
struct Nobody final : UserQueueHost {
    void admit(std::uint64_t /*nexus*/, Admission /*says*/) override {}
    void defer(const DeferredError& /*error*/) override {}
};

TEST(UserPresence, LetsNoCoreBeginWithAHandlerThatWasGivenUp) {
    Nobody nobody;
    const UserSettings settings{.name = "disk"};
    UserPresence presence;
    const auto handler = some_handler();
    handler->hello.can = TARGE_WANTS_SESSIONS;
    presence.set(handler);
    handler->give_up("it hangs");
    testing::OnReactor on;
    std::unique_ptr<UserQueue> queue;
    EXPECT_FALSE(on.ask([&] {
        queue = std::make_unique<UserQueue>(presence, settings, nobody, *reactor::Reactor::current(), 0);
        return queue->join(
            {.nexus = 1, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
    })) << "it is not asked of anybody";
    on.ask([&] {
        queue.reset();
        return true;
    });
}

}  // namespace
}  // namespace targe::device
