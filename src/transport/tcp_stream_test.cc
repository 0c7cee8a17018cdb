#include "transport/tcp_stream.h"

#include "transport/iscsi_portal.h"
#include "transport/testing_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

namespace targe::transport {
namespace {
using namespace std::chrono_literals;
using testing::Ends;
using testing::noise;
using testing::TcpStreamTest;

// The kernel would say less of a peer that takes nothing than the connection does.
TEST(TcpTuning, LeavesAPeerThatTakesNothingToTheConnection) {
    const Ends ends;
    for (const base::Duration limit :
         {iscsi::ConnectionOptions{}.send_timeout, base::Duration{7s}, base::Duration{}}) {
        tune(ends.ours.get(), tcp_options({.send_timeout = limit}));
        unsigned kernel_ms = 12345;
        socklen_t size = sizeof kernel_ms;
        ASSERT_EQ(getsockopt(ends.ours.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kernel_ms, &size), 0);
        if (limit == base::Duration{}) {
            EXPECT_EQ(kernel_ms, 0U);
        } else {
            EXPECT_GT(std::chrono::milliseconds{kernel_ms}, limit);
        }
    }
}

TEST_F(TcpStreamTest, CarriesEveryByteBothWaysAtOnce) {
    const std::string text = noise(3'000'000);
    user.on_received = [&] {
        user.output = user.input;
        user.stream.send_soon();
    };
    start();
    std::thread writer([&] {
        say(text);
        shutdown(peer(), SHUT_WR);
    });
    const std::string answer = read_all();
    writer.join();
    EXPECT_EQ(answer.size(), text.size());
    EXPECT_TRUE(answer == text);
    wait_for_end();
    EXPECT_EQ(user.lost_with, 0);
}

TEST_F(TcpStreamTest, DeliversAllThatIsQueuedBeforeItCloses) {
    user.output = noise(16'000'000);
    start();
    on_reactor([&] { user.stream.close(); });
    say("ignored");
    EXPECT_TRUE(read_all() == user.output);
    hang_up();
}

TEST_F(TcpStreamTest, AnswersAfterThePeerHasFinished) {
    user.on_peer_finished = [&] {
        user.output = "answer to " + user.input;
        user.stream.close();
    };
    start();
    say("question");
    shutdown(peer(), SHUT_WR);
    EXPECT_EQ(read_all(), "answer to question");
}

TEST_F(TcpStreamTest, ResetsWhenItIsAborted) {
    start();
    say("x");
    on_reactor([&] { user.stream.abort(); });
    EXPECT_EQ(read_all(), "reset");
}

TEST_F(TcpStreamTest, TellsOfALostConnection) {
    start();
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(peer(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up();
    wait_for_end();
    EXPECT_EQ(user.lost_with, ECONNRESET);
}

TEST_F(TcpStreamTest, NoticesALostConnectionWhileNothingMayCome) {
    user.paused = true;
    start();
    say("waiting");
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(peer(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    hang_up();
    wait_for_end();
    EXPECT_EQ(user.lost_with, ECONNRESET);
}

TEST_F(TcpStreamTest, ReceivesNothingUntilThereIsSpaceAgain) {
    user.paused = true;
    start();
    say("waiting");
    std::this_thread::sleep_for(20ms);
    on_reactor([&] {
        EXPECT_EQ(user.input, "");
        user.paused = false;
        user.stream.resume_receiving();
    });
    shutdown(peer(), SHUT_WR);
    EXPECT_EQ(read_all(), "");
    wait_for_end();
    EXPECT_EQ(user.input, "waiting");
}

TEST_F(TcpStreamTest, DoesNotWaitForEverForAPeerThatDoesNotRead) {
    user.output = noise(32'000'000);
    start();
    const auto before = std::chrono::steady_clock::now();
    on_reactor([&] { user.stream.close(200ms); });
    wait_for_end();
    EXPECT_GE(std::chrono::steady_clock::now() - before, 200ms);
    EXPECT_LT(user.gone, user.output.size());
}

TEST_F(TcpStreamTest, MayBeGivenLessTimeToClose) {
    user.output = noise(32'000'000);
    start();
    const auto before = std::chrono::steady_clock::now();
    on_reactor([&] {
        user.stream.close(60s);
        user.stream.close(100ms);
        user.stream.close(60s);
    });
    wait_for_end();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
}

TEST_F(TcpStreamTest, MayBeAbortedFromWithinItsCalls) {
    user.on_received = [&] { user.stream.abort(); };
    start();
    say("x");
    EXPECT_EQ(read_all(), "reset");
    wait_for_end();
    EXPECT_EQ(user.input, "x");
}

TEST_F(TcpStreamTest, CostsNothingWhileNothingComes) {
    start();
    say("x");
    std::this_thread::sleep_for(20ms);
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    on_reactor([&] { before = core().stats().turns; });
    std::this_thread::sleep_for(200ms);
    on_reactor([&] { after = core().stats().turns; });
    EXPECT_LT(after - before, 5000U) << "spins for some microseconds at most";
    shutdown(peer(), SHUT_WR);
    EXPECT_EQ(read_all(), "");
}

/// Both cores work on it in turn, so that the thread sanitizer sees every hand-over.
TEST_F(TcpStreamTest, GoesToAndFroBetweenReactorsWithoutLosingAByte) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr int kMoves = 200;
    std::atomic<int> moves = 0;
    reactor::Reactor* here = &core();
    user.on_received = [&] {
        user.output = user.input;  // an echo
        user.stream.send_soon();
        if (moves < kMoves && random() % 2 == 0) {
            user.stream.halt();
        }
    };
    user.on_halted = [&] {
        here = here == &core() ? &other() : &core();
        ++moves;
        base::post(*here, [&, to = here] { user.stream.go_on(*to); });
    };
    start();
    std::string said;
    std::string heard;
    std::array<char, 4096> chunk;
    while (moves < kMoves) {
        const std::string text(1 + said.size() % 3000, static_cast<char>('a' + said.size() % 26));
        say(text);
        said += text;
        while (heard.size() < said.size()) {
            const ssize_t got = recv(peer(), chunk.data(), chunk.size(), 0);
            ASSERT_TRUE(got > 0 || errno == EINTR) << std::strerror(errno);
            heard.append(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        }
    }
    EXPECT_TRUE(heard == said);
    hang_up();
}

TEST_F(TcpStreamTest, HaltedWhileItWaitsForTheRingHearsOfTheEndAfterwards) {
    std::promise<void> halted;
    user.on_halted = [&] { halted.set_value(); };
    start();
    std::this_thread::sleep_for(20ms);  // it sleeps by now; if it does not, the test shows less
    on_reactor([&] { user.stream.halt(); });
    halted.get_future().get();
    hang_up();
    std::promise<void> gone_on;
    base::post(other(), [&] {
        user.stream.go_on(other());
        gone_on.set_value();
    });
    gone_on.get_future().get();
    wait_for_end();
}

TEST_F(TcpStreamTest, AbortedWhileItHaltsEndsAndIsNotHalted) {
    bool halted = false;
    user.on_halted = [&] { halted = true; };
    start();
    on_reactor([&] {
        user.stream.halt();
        user.stream.abort();
    });
    wait_for_end();
    EXPECT_FALSE(halted);
    EXPECT_EQ(read_all(), "reset");
}

}  // namespace
}  // namespace targe::transport
