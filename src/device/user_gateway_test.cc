#include "device/user_gateway.h"

#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "reactor/testing_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <filesystem>

namespace targe::device {
namespace {

/// Looks at what cores see of a handler in the moment in which the device hears what it can.
class Looking final : public UserHost {
public:
    explicit Looking(const UserPresence& presence) : presence_(presence) {}
    std::expected<Agreed, std::string> agree(const UserGreeting& hello) override {
        return Agreed{.layout = {.queues = 1, .slots = 1, .arena_bytes = 65536}, .size_bytes = hello.size};
    }
    bool replace_handler() override { return true; }
    void attached(const UserGreeting& /*hello*/, std::uint64_t /*size_bytes*/) override {
        asked_before += presence_.away() ? 0 : 1;
        ++heard;
    }
    void asked(const targe_request& /*request*/, std::span<const std::byte> /*data*/,
               std::move_only_function<void(int)> reply) override {
        reply(0);
    }

    std::atomic<unsigned> heard = 0;
    std::atomic<unsigned> asked_before = 0;

private:
    const UserPresence& presence_;
};

using Gateway = testing::WithHandlerHere;

TEST_F(Gateway, SaysWhatAHandlerCanBeforeAnybodyAsksIt) {
    UserPresence presence;
    Looking host(presence);
    const auto gateway = UserGateway::open(settings_, presence, host);
    ASSERT_TRUE(gateway);
    testing::HandlersMedium medium{65536};
    for (unsigned attached = 1; attached <= 2; ++attached) {
        testing::Handler handler(settings_.socket, medium);
        await([&] { return presence.look().attachment != nullptr; });
        EXPECT_EQ(host.heard, attached);
        handler.stop();
        await([&] { return presence.away(); });
    }
    EXPECT_EQ(host.asked_before, 0U);
}

TEST_F(Gateway, SaysThatNoThreadCanBeHad) {
    UserPresence presence;
    Looking host(presence);
    const reactor::testing::NoThreads none;
    const auto gateway = UserGateway::open(settings_, presence, host);
    ASSERT_FALSE(gateway);
    EXPECT_TRUE(gateway.error().text.starts_with("no thread can be had"));
    EXPECT_FALSE(std::filesystem::exists(settings_.socket));
}

}  // namespace
}  // namespace targe::device
