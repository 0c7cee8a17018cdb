#include "transport/tcp_listener.h"

#include "base/log.h"
#include "base/open_files.h"

#include <fmt/format.h>
#include <liburing.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace targe::transport {

namespace {

/// Until a shortage of descriptors or memory may have passed. The connection stays in the backlog meanwhile.
constexpr base::Duration kRetry = std::chrono::milliseconds{100};

struct Advice {
    std::string cause;
    std::string cure;
};

Advice advice(const SocketAddress& address, int error) {
    switch (error) {
        case EADDRINUSE:
            return {.cause = "another program, or another portal, has the port",
                    .cure = fmt::format("ss -ltnp 'sport = :{}' names it; stop it, or choose another port",
                                        address.port())};
        case EADDRNOTAVAIL:
            return {.cause = "no interface of this host has that address",
                    .cure =
                        "ip -brief address lists those it has; one that comes later may be awaited in the "
                        "unit: After=network-online.target"};
        case EACCES:
            return {.cause = "ports below 1024 need CAP_NET_BIND_SERVICE",
                    .cure = "choose port 3260, or give targed that capability"};
        case EINVAL:
            return {.cause = "it may be a link-local address, which is none without an interface",
                    .cure = "name a global or a unique local address"};
        case EAFNOSUPPORT:
            return {.cause = "IPv6 is switched off on this host", .cure = "name an IPv4 address"};
        default:
            return {};
    }
}

std::unexpected<ListenError> refused(const SocketAddress& address, int error) {
    const Advice known = advice(address, error);
    return std::unexpected(ListenError{.error = error,
                                       .text = known.cause.empty()
                                                   ? std::strerror(error)
                                                   : fmt::format("{}: {}", std::strerror(error), known.cause),
                                       .cure = known.cure});
}

/// The peer, or the network, was at fault: the next connection may be well.
bool only_this_connection(int error) {
    switch (error) {
        case ECONNABORTED:
        case EPROTO:
        case EPERM:  // a firewall
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case EINTR:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::expected<reactor::FileDescriptor, ListenError> listen_on(const SocketAddress& address, int backlog) {
    const int family = address.is_ipv6() ? AF_INET6 : AF_INET;
    // Blocking: the ring then waits for connections, where it might answer EAGAIN for a non-blocking one.
    reactor::FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) {
        return refused(address, errno);
    }
    // Connections of the process before this one, still winding down, must not keep a restart from its port.
    const int on = 1;
    if (setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        return refused(address, errno);
    }
    if (address.is_ipv6() && setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        return refused(address, errno);
    }
    const SocketAddress::Raw raw = address.raw();
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size) != 0 ||
        listen(socket.get(), backlog) != 0) {
        return refused(address, errno);
    }
    return socket;
}

TcpListener::TcpListener(reactor::Reactor& reactor, reactor::FileDescriptor listening, base::Cores cores,
                         Placement& placement, ConnectionTaker& taker)
    : reactor_(reactor),
      listening_(std::move(listening)),
      cores_(cores),
      placement_(placement),
      taker_(taker) {}

TcpListener::~TcpListener() {
    TARGE_ASSERT(!accepting_);
}

void TcpListener::start() {
    accept();
}

void TcpListener::accept() {
    accepting_ = true;
    io_uring_prep_multishot_accept(&reactor_.prepare(*this), listening_.get(), nullptr, nullptr,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK);
}

void TcpListener::completed(int result, unsigned flags) {
    accepting_ = (flags & kMore) != 0;
    if (result >= 0) {
        reactor::FileDescriptor socket(result);
        short_ = false;
        // One that came while we were closing is closed with its descriptor.
        if (!closing_) {
            hand_over(std::move(socket));
        }
    } else if (!closing_) {
        ++stats_.failed;
        note_shortage(-result);
    }
    if (accepting_) {
        return;
    }
    if (closing_) {
        finish();
    } else if (result >= 0 || only_this_connection(-result)) {
        accept();
    } else {
        reactor_.arm(retry_, reactor_.now() + kRetry);
    }
}

void TcpListener::note_shortage(int error) {
    if (short_ || only_this_connection(error)) {
        return;
    }
    short_ = true;
    TARGE_LOG(warning, "iscsi", "no connection can be accepted, and those that come wait: {}{}",
              std::strerror(error),
              base::too_many_open_files(error)
                  ? fmt::format("; {}, or lower daemon.max_connections", base::allow_more_open_files(error))
                  : "");
}

void TcpListener::hand_over(reactor::FileDescriptor socket) {
    ++stats_.accepted;
    base::Core& core = *cores_[placement_.choose().value];
    base::post(core, [&core, &taker = taker_, socket = std::move(socket)]() mutable {
        taker.connected(core, std::move(socket));
    });
}

void TcpListener::close() {
    if (closing_) {
        return;
    }
    closing_ = true;
    reactor_.disarm(retry_);
    if (accepting_) {
        reactor_.cancel(*this);
    } else {
        base::post(reactor_, [this] { finish(); });
    }
}

void TcpListener::finish() {
    listening_.reset();
    taker_.listener_closed();
}

}  // namespace targe::transport
