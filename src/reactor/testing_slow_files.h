// For tests: descriptors that are slow to close, and messages that they are passed along with.
#pragma once

#include "reactor/file_descriptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace targe::reactor::testing {

/// Whoever closes one of its sockets last waits for an hour, or for its end.
class SlowToClose {
public:
    SlowToClose() {
        constexpr int kSmall = 4096;
        constexpr int kBacklog = 64;
        ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &kSmall, sizeof kSmall);
        address_.sin_family = AF_INET;
        EXPECT_EQ(::inet_pton(AF_INET, "127.0.0.1", &address_.sin_addr), 1);
        socklen_t size = sizeof address_;
        EXPECT_EQ(::bind(listener_.get(), where(), size), 0);
        EXPECT_EQ(::listen(listener_.get(), kBacklog), 0);
        EXPECT_EQ(::getsockname(listener_.get(), where(), &size), 0);
    }
    [[nodiscard]] FileDescriptor make() {
        FileDescriptor made{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        EXPECT_EQ(::connect(made.get(), where(), sizeof address_), 0);
        constexpr std::array<std::byte, 65536> kData{};
        while (::send(made.get(), kData.data(), kData.size(), MSG_DONTWAIT) > 0) {
        }
        constexpr linger kAnHour{.l_onoff = 1, .l_linger = 3600};
        EXPECT_EQ(::setsockopt(made.get(), SOL_SOCKET, SO_LINGER, &kAnHour, sizeof kAnHour), 0);
        return made;
    }

private:
    sockaddr* where() { return reinterpret_cast<sockaddr*>(&address_); }

    FileDescriptor listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address_{};
};

/// Sends `message`, and passes the descriptor along with it.
template <class Message>
bool send_with(int connection, const Message& message, int descriptor) {
    Message copy = message;
    iovec part{.iov_base = &copy, .iov_len = sizeof copy};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr sent{};
    sent.msg_iov = &part;
    sent.msg_iovlen = 1;
    sent.msg_control = control.data();
    sent.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&sent);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return ::sendmsg(connection, &sent, MSG_NOSIGNAL) == ssize_t{sizeof copy};
}

}  // namespace targe::reactor::testing
