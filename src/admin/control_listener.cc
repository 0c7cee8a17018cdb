#include "admin/control_listener.h"

#include "admin/group.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace targe::admin {
namespace {

constexpr int kBacklog = 16;
constexpr mode_t kMode = 0660;

std::unexpected<Problem> cannot(const std::string& path, std::string cause, std::string cure) {
    return std::unexpected(Problem{.what = fmt::format("the control socket {} cannot be opened", path),
                                   .cause = std::move(cause),
                                   .cure = std::move(cure)});
}

std::unexpected<Problem> cannot(const std::string& path, std::string_view doing, int error) {
    return cannot(path, fmt::format("{}: {}", doing, std::strerror(error)),
                  "name another path as 'socket' in [daemon], or make its directory writable for the daemon");
}

/// Frees the path of a socket that a daemon left when it was killed. What is not a socket is never removed.
std::expected<void, Problem> clear_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? std::expected<void, Problem>{} : cannot(path, "lstat", errno);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return cannot(path, "something that is not a socket has that name",
                      fmt::format("look at it, and move it away: ls -l {}", path));
    }
    const Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), as_sockaddr(address), sizeof(address)) == 0 || errno == EAGAIN) {
        return cannot(
            path, "a targed is already serving there",
            fmt::format("targe --socket {} status tells which; stop it, or give this one a socket of its own",
                        path));
    }
    if (errno != ECONNREFUSED && errno != ENOENT) {
        return cannot(path, "connect", errno);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return cannot(path, "remove the stale socket", errno);
    }
    return {};
}

}  // namespace

std::expected<ControlListener, Problem> ControlListener::open(const std::string& path,
                                                              const std::string& group) {
    const auto address = unix_address(path);
    if (!address) {
        return cannot(path, "the path is too long for a socket",
                      "name a shorter one as 'socket' in [daemon]");
    }
    const auto owner = group.empty() ? std::optional(::getegid()) : group_id(group);
    if (!owner) {
        return cannot(path, fmt::format("there is no group '{}'", group),
                      fmt::format("groupadd {}, or change 'socket_group' in [daemon]", group));
    }
    const std::filesystem::path directory = std::filesystem::path(path).parent_path();
    std::error_code failed;
    if (!directory.empty() && !std::filesystem::create_directories(directory, failed) && failed) {
        return cannot(path, "make its directory", failed.value());
    }
    if (auto cleared = clear_stale(path, *address); !cleared) {
        return std::unexpected(std::move(cleared.error()));
    }
    Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::bind(socket.get(), as_sockaddr(*address), sizeof(*address)) != 0) {
        return cannot(path, "bind", errno);
    }
    struct stat status{};
    const bool noted = ::lstat(path.c_str(), &status) == 0;
    ControlListener listener(std::move(socket), path, status.st_dev, status.st_ino);
    // Nobody can connect before listen(), so nobody gets in under the mode that bind() left.
    if (!noted || ::chmod(path.c_str(), kMode) != 0) {
        return cannot(path, "chmod", errno);
    }
    if (!group.empty() && ::lchown(path.c_str(), static_cast<uid_t>(-1), *owner) != 0) {
        return cannot(
            path, fmt::format("give it to the group '{}': {}", group, std::strerror(errno)),
            fmt::format("run targed as root or as a member of '{}', or change 'socket_group' in [daemon]",
                        group));
    }
    if (::listen(listener.get(), kBacklog) != 0) {
        return cannot(path, "listen", errno);
    }
    return listener;
}

ControlListener::~ControlListener() {
    struct stat status{};
    // Another daemon may have taken the path since.
    if (socket_ && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
}

}  // namespace targe::admin
