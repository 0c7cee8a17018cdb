// A TcpStream, and the other end of its connection, which the test drives by plain calls.
#pragma once

#include "reactor/page_pipes.h"
#include "reactor/reactors.h"
#include "transport/socket_address.h"
#include "transport/tcp_listener.h"
#include "transport/tcp_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::transport::testing {

using namespace std::chrono_literals;

/// Two ends of a connection over the loopback interface: ours, and one that the test drives by plain calls.
struct Ends {
    Ends() {
        const auto listening = listen_on(*SocketAddress::parse("127.0.0.1:0"));
        const auto raw = SocketAddress::local_of(listening->get()).raw();
        peer = reactor::FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(peer.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size), 0);
        ours = reactor::FileDescriptor(accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK));
        // A test that hangs says so instead.
        const timeval limit{.tv_sec = 20, .tv_usec = 0};
        setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        tune(ours.get(), {});
    }
    reactor::FileDescriptor ours;
    reactor::FileDescriptor peer;
};

/// Keeps what it received and sends what it is given; what else happens is up to the test.
class Recorder final : public StreamUser {
public:
    Recorder(reactor::Reactor& reactor, reactor::FileDescriptor socket)
        : stream(reactor, std::move(socket), *this) {}

    base::Segments receive_space() override {
        if (paused) {
            return {};
        }
        // Two pieces of odd sizes, so that bytes are split at every place in time.
        space = {{{chunk.data(), 1000}, {chunk.data() + 1000, 6001}}};
        return space;
    }
    void received(std::size_t bytes) override {
        input.append(reinterpret_cast<const char*>(chunk.data()), bytes);
        on_received();
    }
    void peer_finished() override { on_peer_finished(); }
    std::size_t gather(std::span<base::ConstSegment> into) override {
        const std::string_view left = std::string_view(output).substr(gone);
        constexpr std::size_t kPiece = 5003;
        std::size_t count = 0;
        for (std::size_t at = 0; at < left.size() && count < into.size(); at += kPiece) {
            into[count++] = {reinterpret_cast<const std::byte*>(left.data()) + at,
                             std::min(kPiece, left.size() - at)};
        }
        return count;
    }
    base::Piped piped() override {
        const base::Piped all = pages.piped();
        return {.pipe = all.pipe, .size = all.size - pages_gone};
    }
    void sent(std::size_t bytes) override {
        const std::size_t queued = std::min(bytes, output.size() - gone);
        gone += queued;
        pages_gone += bytes - queued;
        on_sent();
    }
    void lost(int error) override { lost_with = error; }
    void halted() override { on_halted(); }
    void closed() override { ended.set_value(); }

    std::array<std::byte, 8000> chunk{};
    std::array<base::Segment, 2> space{};
    std::string input;
    std::string output;
    std::size_t gone = 0;
    base::Pages pages;  ///< to be sent behind the output
    std::size_t pages_gone = 0;
    bool paused = false;
    int lost_with = 0;
    std::function<void()> on_received = [] {};
    std::function<void()> on_sent = [] {};
    std::function<void()> on_peer_finished = [this] { stream.close(); };
    std::function<void()> on_halted = [] {};
    std::promise<void> ended;
    std::shared_future<void> end = ended.get_future().share();
    TcpStream stream;
};

class TcpStreamTest : public ::testing::Test {
protected:
    TcpStreamTest() : reactors_(*reactor::Reactors::start({.count = 2, .pin = false, .each = {}})) {}
    ~TcpStreamTest() override {
        wait_for_end();
        reactors_->stop();
        EXPECT_EQ(reactors_->leaks(), std::vector<std::string>{});
    }
    /// Runs `work` on the reactor, and waits for it.
    void on_reactor(std::function<void()> work) {
        std::promise<void> done;
        base::post(core(), [&] {
            work();
            done.set_value();
        });
        done.get_future().get();
    }
    /// From here on the test may look at the user.
    void wait_for_end() { ASSERT_EQ(user.end.wait_for(20s), std::future_status::ready); }
    void start() {
        on_reactor([&] { user.stream.start(); });
    }
    reactor::Reactor& core() { return (*reactors_)[0]; }
    reactor::Reactor& other() { return (*reactors_)[1]; }
    [[nodiscard]] int peer() const { return ends_.peer.get(); }
    void hang_up() { ends_.peer.reset(); }

    /// What the peer reads until the end, or "reset".
    [[nodiscard]] std::string read_all() const {
        std::string all;
        std::array<char, 65536> chunk;
        for (;;) {
            const ssize_t got = recv(peer(), chunk.data(), chunk.size(), 0);
            // The kernel still takes down the ring of the test before, on this thread.
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                return got == 0 ? all : "reset";
            }
            all.append(chunk.data(), static_cast<std::size_t>(got));
        }
    }
    void say(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t taken = ::send(peer(), text.data(), text.size(), MSG_NOSIGNAL);
            ASSERT_TRUE(taken > 0 || errno == EINTR) << std::strerror(errno);
            text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(taken, 0)));
        }
    }

private:
    std::unique_ptr<reactor::Reactors> reactors_;
    Ends ends_;

protected:
    Recorder user{core(), std::move(ends_.ours)};
};

inline std::string noise(std::size_t size) {
    std::mt19937 random(7);
    std::string text(size, ' ');
    for (char& c : text) {
        c = static_cast<char>(random());
    }
    return text;
}

}  // namespace targe::transport::testing
