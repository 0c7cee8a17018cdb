// Pages that a stream sends out of a pipe.
#include "reactor/file_descriptor.h"
#include "reactor/page_pipes.h"
#include "transport/testing_stream.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>

namespace targe::transport {
namespace {

using namespace std::chrono_literals;
using testing::noise;
using testing::TcpStreamTest;

TEST_F(TcpStreamTest, SendsPagesBehindWhatIsBeforeThem) {
    constexpr std::size_t kRounds = 20;
    constexpr std::size_t kPages = 1'000'003;
    const std::string text = noise(kPages);
    const reactor::FileDescriptor file{memfd_create("pages", MFD_CLOEXEC)};
    ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    std::size_t round = 0;
    const auto next = [&] {
        user.pages.reset();
        user.pages_gone = user.gone = 0;
        if (round == kRounds) {
            user.output.clear();
            user.stream.close();
            return;
        }
        // The first time nothing is before them.
        user.output = std::string(round * 48, static_cast<char>('a' + round));
        ++round;
        auto lent = core().page_pipes().lend(file.get(), 0, text.size());
        ASSERT_TRUE(lent);
        user.pages = *std::move(lent);
        user.stream.send_soon();
    };
    user.on_sent = [&] {
        if (user.gone == user.output.size() && user.pages_gone == user.pages.piped().size) {
            next();
        }
    };
    on_reactor([&] {
        next();
        user.stream.start();
    });
    std::string wanted;
    for (std::size_t i = 0; i < kRounds; ++i) {
        wanted += std::string(i * 48, static_cast<char>('a' + i)) + text;
    }
    std::this_thread::sleep_for(50ms);  // the socket is full by now
    const std::string all = read_all();
    EXPECT_EQ(all.size(), wanted.size());
    EXPECT_TRUE(all == wanted);
}

TEST_F(TcpStreamTest, LosesItsPeerInTheMiddleOfPages) {
    const std::string text = noise(1'000'000);
    const reactor::FileDescriptor file{memfd_create("pages", MFD_CLOEXEC)};
    ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    on_reactor([&] {
        auto lent = core().page_pipes().lend(file.get(), 0, text.size());
        ASSERT_TRUE(lent);
        user.pages = *std::move(lent);
        // Nobody reads: what is sent behind them finds the connection gone.
        user.on_sent = [&] { user.stream.send_soon(); };
        user.stream.start();
    });
    std::array<char, 100> some{};
    ASSERT_GT(recv(peer(), some.data(), some.size(), 0), 0);
    hang_up();
    wait_for_end();
    EXPECT_NE(user.lost_with, 0);
    user.on_sent = [] {};
    on_reactor([&] { user.pages.reset(); });
}

}  // namespace
}  // namespace targe::transport
