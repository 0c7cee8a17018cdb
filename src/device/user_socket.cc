#include "device/user_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace targe::device {

namespace {

constexpr int kBacklog = 16;

OpenError cannot(const std::string& path, std::string_view why) {
    return {fmt::format("cannot listen on {}: {}; choose another with 'socket'", path, why)};
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

bool somebody_listens(const sockaddr_un& address) {
    const reactor::FileDescriptor probe{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return probe && (::connect(probe.get(), as_sockaddr(address), sizeof address) == 0 || errno == EAGAIN);
}

}  // namespace

std::expected<reactor::FileDescriptor, OpenError> listen_for_handlers(const std::string& path,
                                                                      bool open_to_all) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return std::unexpected(cannot(path, "the path is longer than the system takes, 107 bytes"));
    }
    std::ranges::copy(path, address.sun_path);
    // What stands in the way is told by bind().
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
    struct stat about{};
    if (::lstat(path.c_str(), &about) == 0) {
        if (!S_ISSOCK(about.st_mode)) {
            return std::unexpected(cannot(path, "there is a file of that name"));
        }
        if (somebody_listens(address)) {
            return std::unexpected(cannot(path, "another process listens there"));
        }
        ::unlink(path.c_str());
    }
    reactor::FileDescriptor made{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    constexpr mode_t kAll = 0666;
    constexpr mode_t kOwner = 0600;
    if (!made || ::bind(made.get(), as_sockaddr(address), sizeof address) != 0 ||
        ::chmod(path.c_str(), open_to_all ? kAll : kOwner) != 0 || ::listen(made.get(), kBacklog) != 0) {
        return std::unexpected(cannot(path, std::strerror(errno)));
    }
    return made;
}

Bell make_bell() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        return {};
    }
    ::shutdown(ends[0], SHUT_RD);  // nobody would read what the handler sends there
    constexpr int kLeast = 0;      // one that is full wakes as well as one that has room
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kLeast, sizeof kLeast);
    return {.targeds = reactor::FileDescriptor{ends[0]}, .handlers = reactor::FileDescriptor{ends[1]}};
}

std::optional<UserPeer> peer_of(int connection) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return std::nullopt;
    }
    return UserPeer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

bool peer_is_in_group(int connection, gid_t group) {
    constexpr std::size_t kMostGroups = 65536;
    std::vector<gid_t> groups(kMostGroups);
    socklen_t size = kMostGroups * sizeof(gid_t);
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
        return false;
    }
    groups.resize(size / sizeof(gid_t));
    return std::ranges::find(groups, group) != groups.end();
}

int receive_descriptor(int connection, int flags) {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_control = control.data();
    message.msg_controllen = CMSG_LEN(sizeof(int));  // what is left of its space would take another one
    if (::recvmsg(connection, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
        return -1;
    }
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int))) {
        return -1;
    }
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
}

bool send_welcome(int connection, const targe_welcome& welcome, std::span<const int> descriptors) {
    targe_welcome sent = welcome;
    iovec part{.iov_base = &sent, .iov_len = sizeof sent};
    std::vector<std::byte> control(CMSG_SPACE(descriptors.size_bytes()));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    return ::sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(sizeof sent);
}

void hear_no_more(int connection) {
    ::shutdown(connection, SHUT_RDWR);
    // With every message comes who sent it, by which one without bytes is told from the end.
    constexpr int kYes = 1;
    ::setsockopt(connection, SOL_SOCKET, SO_PASSCRED, &kYes, sizeof kYes);
    for (bool failed = false;;) {
        std::byte first{};
        iovec part{.iov_base = &first, .iov_len = sizeof first};
        alignas(cmsghdr) std::array<std::byte, CMSG_LEN(sizeof(ucred))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        // An error comes before what was said, and once.
        if (got < 0 ? errno == EAGAIN || std::exchange(failed, true) : message.msg_controllen == 0) {
            return;
        }
    }
}

void send_refusal(int connection, int error, const std::string& text) {
    targe_welcome refusal{};
    refusal.magic = TARGE_MAGIC;
    refusal.protocol = TARGE_PROTOCOL;
    refusal.error = error;
    text.copy(refusal.text, sizeof refusal.text - 1);
    static_cast<void>(send_welcome(connection, refusal, {}));
}

}  // namespace targe::device
