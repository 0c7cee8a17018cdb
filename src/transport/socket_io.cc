#include "transport/socket_io.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <type_traits>

namespace targe::transport {

namespace {

template <class Segment>
msghdr message(std::span<Segment> segments) {
    static_assert(sizeof(Segment) == sizeof(iovec) && offsetof(Segment, size) == offsetof(iovec, iov_len));
    msghdr header{};
    // The kernel's structure is the same for reading and writing, and so cannot say const.
    header.msg_iov = reinterpret_cast<iovec*>(const_cast<std::remove_const_t<Segment>*>(segments.data()));
    header.msg_iovlen = segments.size();
    return header;
}

ssize_t send_segments(int fd, base::ConstSegments segments, bool more) {
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    if (segments.size() == 1) {
        return ::send(fd, segments.front().data, segments.front().size, flags);
    }
    const msghdr header = message(segments);
    return sendmsg(fd, &header, flags);
}

}  // namespace

ssize_t receive_some(int fd, base::Segments space) {
    if (space.size() == 1) {
        return recv(fd, space.front().data, space.front().size, MSG_DONTWAIT);
    }
    msghdr header = message(space);
    return recvmsg(fd, &header, MSG_DONTWAIT);
}

ssize_t send_some(int fd, base::ConstSegments segments, const base::Piped& piped) {
    ssize_t sent = 0;
    if (!segments.empty()) {
        sent = send_segments(fd, segments, piped.size > 0);
        if (piped.size == 0 || sent < 0 || static_cast<std::size_t>(sent) < base::total_size(segments)) {
            return sent;
        }
    }
    const ssize_t spliced = ::splice(piped.pipe, nullptr, fd, nullptr, piped.size, SPLICE_F_NONBLOCK);
    return spliced < 0 && sent > 0 ? sent : sent + spliced;
}

}  // namespace targe::transport
