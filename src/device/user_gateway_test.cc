#include "device/user_gateway.h"

#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "reactor/testing_threads.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

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

/// Answers nothing that it is asked, until it is let.
class Silent final : public UserHost {
public:
    std::expected<Agreed, std::string> agree(const UserGreeting& hello) override {
        return Agreed{.layout = {.queues = 1, .slots = 1, .arena_bytes = 65536}, .size_bytes = hello.size};
    }
    bool replace_handler() override { return true; }
    void attached(const UserGreeting& /*hello*/, std::uint64_t /*size_bytes*/) override {}
    void asked(const targe_request& /*request*/, std::span<const std::byte> /*data*/,
               std::move_only_function<void(int)> reply) override {
        const std::scoped_lock lock{mutex_};
        open_.push_back(std::move(reply));
    }
    [[nodiscard]] std::size_t open() {
        const std::scoped_lock lock{mutex_};
        return open_.size();
    }
    void answer_one() {
        const std::scoped_lock lock{mutex_};
        open_.back()(0);
        open_.pop_back();
    }

private:
    std::mutex mutex_;
    std::vector<std::move_only_function<void(int)>> open_;
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

// Each costs targed memory until it is answered, which may take as long as initiators do.
TEST_F(Gateway, KeepsNoMoreThanSoManyRequestsOfAHandler) {
    constexpr std::size_t kMost = 16;
    constexpr int kLimitMs = 600'000;
    UserPresence presence;
    Silent host;
    const auto gateway = UserGateway::open(settings_, presence, host);
    ASSERT_TRUE(gateway);
    testing::HandlersMedium medium{65536};
    std::string error;
    targe_device* const device =
        testing::Handler::attach(settings_.socket, medium, testing::kWholeDisk, error);
    ASSERT_NE(device, nullptr) << error;
    std::uint32_t asked = 0;
    const auto ask = [&] {
        const targe_request request{.kind = TARGE_REQUEST_RAISE, .id = ++asked, .value = 0, .session = 0};
        EXPECT_EQ(::send(device->connection, &request, sizeof request, MSG_NOSIGNAL),
                  ssize_t{sizeof request});
    };
    const auto expect_reply = [&](int wanted) {
        struct targe_reply reply{};
        EXPECT_EQ(targe_await(device->connection, POLLIN, targe_now_ms() + kLimitMs), 0);
        EXPECT_EQ(::recv(device->connection, &reply, sizeof reply, 0), ssize_t{sizeof reply});
        EXPECT_EQ(reply.error, wanted);
        return reply.id;
    };
    for (std::size_t i = 0; i < kMost; ++i) {
        ask();
    }
    for (int i = 0; i < 3; ++i) {
        ask();
        EXPECT_EQ(expect_reply(EAGAIN), asked);
    }
    ASSERT_EQ(host.open(), kMost);
    host.answer_one();
    EXPECT_EQ(expect_reply(0), kMost);
    ask();
    await([&] { return host.open() == kMost; });
    ask();
    EXPECT_EQ(expect_reply(EAGAIN), asked);
    targe_detach(device);
    await([&] { return presence.away(); });
    while (host.open() > 0) {
        host.answer_one();  // to one that is gone
    }
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
