#include "admin/control_client.h"

#include "admin/unix_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace targe::admin {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kLongestAnswer = std::size_t{256} << 20U;

Problem cannot_connect(const std::string& socket, int error) {
    Problem problem{.what = fmt::format("no targed answers at {}", socket), .cause = {}, .cure = {}};
    switch (error) {
        case ENAMETOOLONG:
            problem.cause = "the path of a socket has 1 to 107 bytes";
            problem.cure = "targe --socket PATH …, with what 'socket' in [daemon] says";
            break;
        case ENOTSOCK:
            problem.cause = "what is there is no socket";
            problem.cure = "targe --socket PATH …, with what 'socket' in [daemon] says";
            break;
        case ENOENT:
            problem.cause =
                "there is no such socket: targed does not run, or with another 'socket' in its [daemon]";
            problem.cure = "systemctl status targed; or name the socket: targe --socket PATH …";
            break;
        case ECONNREFUSED:
            problem.cause = "the socket is there but nobody listens: targed has ended without removing it";
            problem.cure = "systemctl status targed; journalctl -u targed";
            break;
        case EACCES:
        case EPERM:
            problem.cause = "you may not use the socket";
            problem.cure = fmt::format("sudo targe …, or join the group that owns it: ls -l {}", socket);
            break;
        default:
            problem.cause = std::strerror(error);
            problem.cure = fmt::format("ls -l {}; systemctl status targed", socket);
    }
    return problem;
}

/// connect() says of a file or a directory what it says of a socket where nobody listens.
bool is_something_else(const std::string& path) {
    struct stat about{};
    return ::stat(path.c_str(), &about) == 0 && !S_ISSOCK(about.st_mode);
}

Problem no_answer(const std::string& socket, std::string cause) {
    return {.what = fmt::format("targed at {} took the request but gave no answer", socket),
            .cause = std::move(cause),
            .cure = "journalctl -u targed"};
}

/// Whether the socket became ready before the deadline.
bool wait_for(int fd, short events, steady_clock::time_point deadline) {
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd entry{.fd = fd, .events = events, .revents = 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
}

std::expected<void, Problem> send_line(int fd, const std::string& socket, std::string line,
                                       steady_clock::time_point deadline) {
    line.push_back('\n');
    std::string_view left = line;
    while (!left.empty()) {
        const ssize_t sent = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            left.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return std::unexpected(no_answer(socket, std::strerror(errno)));
        } else if (!wait_for(fd, POLLOUT, deadline)) {
            return std::unexpected(no_answer(socket, "it did not take the request in time"));
        }
    }
    return {};
}

std::expected<std::string, Problem> receive_line(int fd, const std::string& socket,
                                                 steady_clock::time_point deadline) {
    std::string line;
    std::array<char, 65'536> piece{};
    while (line.size() < kLongestAnswer) {
        if (!wait_for(fd, POLLIN, deadline)) {
            return std::unexpected(no_answer(socket, "it did not answer in time: it is busy, or stuck"));
        }
        const ssize_t got = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
        if (got == 0) {
            return std::unexpected(
                no_answer(socket, "it closed the connection: it is stopping, or has too many clients"));
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return std::unexpected(no_answer(socket, std::strerror(errno)));
        }
        const std::string_view fresh(piece.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
        const std::size_t end = fresh.find('\n');
        line.append(fresh.substr(0, end));
        if (end != std::string_view::npos) {
            return line;
        }
    }
    return std::unexpected(no_answer(socket, "the answer has no end"));
}

}  // namespace

std::expected<std::string, Problem> ask_daemon(const std::string& socket, std::string_view request,
                                               std::chrono::milliseconds timeout) {
    const auto address = unix_address(socket);
    if (!address) {
        return std::unexpected(cannot_connect(socket, ENAMETOOLONG));
    }
    const Socket end(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // connect() waits while the daemon has too many callers, and this bounds it [socket(7)].
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
    const timeval bound{.tv_sec = std::max<std::int64_t>(seconds, 1), .tv_usec = 0};
    if (!end || ::setsockopt(end.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound)) != 0 ||
        ::connect(end.get(), as_sockaddr(*address), sizeof(*address)) != 0) {
        const int error = errno;
        return std::unexpected(cannot_connect(socket, is_something_else(socket) ? ENOTSOCK : error));
    }
    const auto deadline = steady_clock::now() + timeout;
    if (auto sent = send_line(end.get(), socket, std::string(request), deadline); !sent) {
        return std::unexpected(std::move(sent.error()));
    }
    return receive_line(end.get(), socket, deadline);
}

}  // namespace targe::admin
