#include "transport/tcp_listener.h"

#include "reactor/reactors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

namespace targe::transport {
namespace {
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// Keeps what is given to it.
class Hall final : public ConnectionTaker {
public:
    void connected(base::Core& core, reactor::FileDescriptor socket) override {
        EXPECT_EQ(reactor::Reactor::current(), &core);
        const std::lock_guard lock(mutex_);
        cores_.push_back(core.id().value);
        peers_.push_back(SocketAddress::peer_of(socket.get()));
        sockets_.push_back(std::move(socket));
        came_.notify_all();
    }
    void listener_closed() override { closed.set_value(); }

    [[nodiscard]] bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, 20s, [&] { return sockets_.size() >= count; });
    }
    std::vector<std::uint16_t> cores_;
    std::vector<SocketAddress> peers_;
    std::promise<void> closed;

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<reactor::FileDescriptor> sockets_;
};

reactor::FileDescriptor connect_to(const SocketAddress& address) {
    reactor::FileDescriptor fd(
        socket(address.is_ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto raw = address.raw();
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size) != 0 &&
        errno != EINPROGRESS) {
        return {};
    }
    return fd;
}

/// A listener on core 0 of two reactors, taken down again in order.
class TcpListenerTest : public testing::Test {
protected:
    void listen(std::string_view at) {
        auto listening = listen_on(*SocketAddress::parse(at));
        ASSERT_TRUE(listening) << listening.error().text;
        address = SocketAddress::local_of(listening->get());
        run([&] {
            listener = std::make_unique<TcpListener>((*reactors)[0], std::move(*listening), reactors->cores(),
                                                     placement, hall);
            listener->start();
        });
    }
    void run(std::function<void()> work) {
        std::promise<void> done;
        base::post((*reactors)[0], [&] {
            work();
            done.set_value();
        });
        done.get_future().get();
    }
    void close() {
        run([&] { listener->close(); });
        ASSERT_EQ(hall.closed.get_future().wait_for(20s), std::future_status::ready);
        reactors->stop();
        EXPECT_THAT(reactors->leaks(), ElementsAre());
    }

    Placement placement{2};
    Hall hall;
    std::unique_ptr<TcpListener> listener;
    std::unique_ptr<reactor::Reactors> reactors =
        *reactor::Reactors::start({.count = 2, .pin = false, .each = {}});
    SocketAddress address;
};

TEST_F(TcpListenerTest, GivesEachCoreAsManyConnections) {
    listen("127.0.0.1:0");
    std::vector<reactor::FileDescriptor> peers;
    for (int i = 0; i < 20; ++i) {
        peers.push_back(connect_to(address));
    }
    ASSERT_TRUE(hall.wait_for(20));
    EXPECT_EQ(std::count(hall.cores_.begin(), hall.cores_.end(), 0), 10);
    EXPECT_EQ(placement.on(base::CoreId(1)), 10U);
    close();
    EXPECT_EQ(listener->stats().accepted, 20U);
    EXPECT_EQ(listener->stats().failed, 0U);
}

TEST_F(TcpListenerTest, ListensOnIpv6) {
    if (!listen_on(*SocketAddress::parse("[::1]:0"))) {
        GTEST_SKIP() << "this host has no IPv6";
    }
    listen("[::1]:0");
    const auto peer = connect_to(address);
    ASSERT_TRUE(hall.wait_for(1));
    EXPECT_TRUE(hall.peers_.front().same_host(*SocketAddress::parse("[::1]:0")));
    close();
}

TEST_F(TcpListenerTest, AcceptsNothingAfterItWasClosed) {
    listen("127.0.0.1:0");
    close();
    const reactor::FileDescriptor peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto raw = address.raw();
    EXPECT_NE(connect(peer.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size), 0);
    EXPECT_EQ(errno, ECONNREFUSED);
}

TEST(ListenOn, AllowsBothFamiliesOnOnePort) {
    const auto v6 = listen_on(*SocketAddress::parse("[::]:0"));
    if (!v6) {
        GTEST_SKIP() << "this host has no IPv6";
    }
    SocketAddress v4 = *SocketAddress::parse("0.0.0.0:0");
    v4.set_port(SocketAddress::local_of(v6->get()).port());
    const auto both = listen_on(v4);
    EXPECT_TRUE(both) << both.error().text;
}

TEST(ListenOn, SaysWhyItCannot) {
    const auto first = listen_on(*SocketAddress::parse("127.0.0.1:0"));
    ASSERT_TRUE(first);
    const SocketAddress taken = SocketAddress::local_of(first->get());
    const auto second = listen_on(taken);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().error, EADDRINUSE);
    EXPECT_THAT(second.error().text, HasSubstr("Address already in use: another program"));
    EXPECT_THAT(second.error().cure, HasSubstr("ss -ltnp 'sport = :" + std::to_string(taken.port()) + "'"));
    const auto elsewhere = listen_on(*SocketAddress::parse("192.0.2.1:0"));
    ASSERT_FALSE(elsewhere);
    EXPECT_THAT(elsewhere.error().text, HasSubstr("no interface"));
    // Where the host has no IPv6 it is another error.
    const auto link_local = listen_on(*SocketAddress::parse("[fe80::1]:0"));
    ASSERT_FALSE(link_local);
    EXPECT_NE(link_local.error().cure, "") << link_local.error().text;
}

TEST(Placement, ChoosesTheCoreWithTheFewest) {
    Placement placement(3);
    EXPECT_EQ(placement.choose().value, 0);
    EXPECT_EQ(placement.choose().value, 1);
    EXPECT_EQ(placement.choose().value, 2);
    placement.left(base::CoreId(1));
    EXPECT_EQ(placement.choose().value, 1);
    EXPECT_EQ(placement.choose().value, 0);
}

}  // namespace
}  // namespace targe::transport
