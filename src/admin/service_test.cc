// What the daemon says to the service manager and hears from the system.
#include "admin/notify.h"
#include "admin/signals.h"
#include "admin/unix_socket.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

namespace targe::admin {
namespace {

/// A service manager's end, at a path or, with '@' in front, at an abstract name.
std::string hear(const std::string& name, std::string_view said) {
    sockaddr_un address = *unix_address(name);
    if (name.front() == '@') {
        address.sun_path[0] = '\0';
    }
    const Socket ear(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(ear.get(), as_sockaddr(address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    EXPECT_TRUE(notify_service_manager(said));
    ::unsetenv("NOTIFY_SOCKET");
    std::array<char, 256> heard{};
    const ssize_t got = ::recv(ear.get(), heard.data(), heard.size(), MSG_DONTWAIT);
    return {heard.data(), got < 0 ? 0 : static_cast<std::size_t>(got)};
}

TEST(Notify, TellsAServiceManagerAtAPath) {
    const std::string path = testing::TempDir() + "targe-notify-" + std::to_string(::getpid());
    std::filesystem::remove(path);
    EXPECT_EQ(hear(path, "READY=1"), "READY=1");
    std::filesystem::remove(path);
}

TEST(Notify, TellsAServiceManagerAtAnAbstractName) {
    EXPECT_EQ(hear("@targe-notify-" + std::to_string(::getpid()), "STOPPING=1"), "STOPPING=1");
}

TEST(Notify, SaysNothingWhenNobodyAsked) {
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_FALSE(notify_service_manager("READY=1"));
    ::setenv("NOTIFY_SOCKET", "relative", 1);
    EXPECT_FALSE(notify_service_manager("READY=1"));
    ::unsetenv("NOTIFY_SOCKET");
}

TEST(StopSignals, AreWaitedForInOnePlace) {
    StopSignals signals;
    EXPECT_EQ(signals.wait_for(std::chrono::milliseconds(0)), std::nullopt);
    std::jthread([] { ::kill(::getpid(), SIGTERM); }).join();
    EXPECT_EQ(signals.wait(), SIGTERM);
    ::kill(::getpid(), SIGHUP);
    EXPECT_EQ(signals.wait(), SIGHUP);
    ::kill(::getpid(), SIGINT);
    EXPECT_EQ(signals.wait_for(std::chrono::seconds(20)), SIGINT);
}

}  // namespace
}  // namespace targe::admin
