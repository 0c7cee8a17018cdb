#include "reactor/inbox.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace targe::reactor {
namespace {

struct Numbered final : base::Message {
    void run() override {}
    int sender = 0;
    int number = 0;
};

TEST(Inbox, KeepsTheOrderOfOneSender) {
    Inbox inbox;
    MessageList list;
    std::array<Numbered, 5> messages;
    for (int i = 0; i < 5; ++i) {
        messages[static_cast<std::size_t>(i)].number = i;
        EXPECT_FALSE(inbox.put(messages[static_cast<std::size_t>(i)]));
        if (i == 2) {
            inbox.take_into(list);
        }
    }
    inbox.take_into(list);
    for (int i = 0; i < 5; ++i) {
        ASSERT_FALSE(list.empty());
        EXPECT_EQ(static_cast<Numbered&>(list.pop_front()).number, i);
    }
    EXPECT_TRUE(list.empty());
}

TEST(Inbox, TellsOneSenderToWakeASleepingOwner) {
    Inbox inbox;
    std::array<Numbered, 3> messages;
    ASSERT_TRUE(inbox.fall_asleep());
    EXPECT_TRUE(inbox.put(messages[0]));
    EXPECT_FALSE(inbox.put(messages[1]));
    EXPECT_FALSE(inbox.fall_asleep()) << "there are messages";
    EXPECT_FALSE(inbox.put(messages[2])) << "it did not fall asleep";
    MessageList list;
    inbox.take_into(list);
    ASSERT_TRUE(inbox.fall_asleep());
    EXPECT_TRUE(inbox.knock());
    EXPECT_FALSE(inbox.knock());
}

TEST(Inbox, LosesNothingFromManySenders) {
    constexpr int kSenders = 4;
    constexpr int kEach = 20'000;
    Inbox inbox;
    std::vector<std::vector<Numbered>> messages;
    for (int sender = 0; sender < kSenders; ++sender) {
        messages.emplace_back(kEach);
    }
    std::vector<std::thread> threads;
    for (int sender = 0; sender < kSenders; ++sender) {
        threads.emplace_back([&, sender] {
            auto& mine = messages[static_cast<std::size_t>(sender)];
            for (int i = 0; i < kEach; ++i) {
                Numbered& message = mine[static_cast<std::size_t>(i)];
                message.sender = sender;
                message.number = i;
                static_cast<void>(inbox.put(message));
            }
        });
    }
    std::array<int, kSenders> next{};
    MessageList list;
    for (int taken = 0; taken < kSenders * kEach;) {
        inbox.take_into(list);
        for (; !list.empty(); ++taken) {
            const auto& message = static_cast<Numbered&>(list.pop_front());
            ASSERT_EQ(message.number, next[static_cast<std::size_t>(message.sender)]++);
        }
        std::this_thread::yield();
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(inbox.empty());
}

}  // namespace
}  // namespace targe::reactor
