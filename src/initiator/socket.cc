#include "initiator/socket.h"

#include "initiator/failure.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace targe::initiator {
namespace {

using Clock = std::chrono::steady_clock;

std::string text_of(int error) {
    return std::generic_category().message(error);
}

/// Whether `events` came before `end`.
bool await(const Socket& socket, short events, Clock::time_point end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd entry{.fd = socket.get(), .events = events, .revents = 0};
    const int found = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    return found > 0 || (found < 0 && errno == EINTR && Clock::now() < end);
}

/// 0, or why not.
int try_to_connect(const Socket& socket, const addrinfo& to, Clock::time_point end) {
    if (::connect(socket.get(), to.ai_addr, to.ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    if (!await(socket, POLLOUT, end)) {
        return ETIMEDOUT;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Failure not_connected(const std::string& host, std::uint16_t port, int error) {
    const std::string what =
        "cannot connect to " + host + " port " + std::to_string(port) + ": " + text_of(error);
    switch (error) {
        case ECONNREFUSED:
            return Failure(what, "no target listens on this port",
                           "start it, or name its port: iscsi://HOST:PORT/…");
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
            return Failure(what, "the host is down, or a firewall drops what comes",
                           "ping " + host + ", and see that the port is open");
        case EMFILE:
        case ENFILE:
            return Failure(what, "each session takes a file descriptor",
                           "raise the limit (ulimit -Hn), or ask for fewer sessions");
        default:
            return Failure(what, "", "see that the host is reached at all: ping " + host);
    }
}

}  // namespace

Socket::~Socket() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

Socket connect_to(const std::string& host, std::uint16_t port, std::chrono::milliseconds limit) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int resolved = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (resolved != 0) {
        throw Failure("cannot find the address of " + host + ": " + ::gai_strerror(resolved),
                      "the name is misspelt, or the name server does not answer",
                      "write the address instead of the name");
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    const auto end = Clock::now() + limit;
    int error = EADDRNOTAVAIL;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        Socket socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        error = socket.get() < 0 ? errno : try_to_connect(socket, *each, end);
        if (error == 0) {
            const int on = 1;
            static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
            return socket;
        }
    }
    throw not_connected(host, port, error);
}

void send_all(const Socket& socket, std::span<const std::byte> bytes, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if ((errno != EAGAIN && errno != EINTR) || !await(socket, POLLOUT, end)) {
            throw Failure("the connection broke during login: " + text_of(errno), "",
                          "look at the target's log");
        }
    }
}

void receive_all(const Socket& socket, std::span<std::byte> bytes, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    while (!bytes.empty()) {
        const ssize_t got = ::recv(socket.get(), bytes.data(), bytes.size(), 0);
        if (got > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(got));
        } else if (got == 0) {
            throw Failure("the target closed the connection during login",
                          "it does not let this initiator in, or what listens there is no iSCSI target",
                          "look at the target's log");
        } else if ((errno != EAGAIN && errno != EINTR) || !await(socket, POLLIN, end)) {
            const bool silent = errno == EAGAIN || errno == EINTR;
            throw Failure(silent ? "the target does not answer the login"
                                 : "the connection broke during login: " + text_of(errno),
                          silent ? "it hangs, or what listens there is no iSCSI target" : "",
                          "look at the target's log");
        }
    }
}

}  // namespace targe::initiator
