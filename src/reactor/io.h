// Operations of the ring that a coroutine can wait for: `const int n = co_await readv(fd, into, offset);`
#pragma once

#include "base/buffer.h"
#include "reactor/reactor.h"

#include <liburing.h>
#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace targe::reactor {

/// Waits for one operation on the reactor that it runs on, and gives its result: what the system call would
/// have returned, or a negative errno. `Prepare` fills in the submission; what it points at stays in place
/// until the end.
template <class Prepare>
class [[nodiscard]] Operation final : public Completion {
public:
    explicit Operation(Prepare prepare) : prepare_(std::move(prepare)) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
        self_ = self;
        prepare_(Reactor::current()->prepare(*this));
    }
    [[nodiscard]] int await_resume() const noexcept { return result_; }
    void completed(int result, unsigned /*flags*/) override {
        result_ = result;
        self_.resume();
    }

private:
    Prepare prepare_;
    std::coroutine_handle<> self_;
    int result_ = 0;
};

/// Segments in the shape that the kernel takes. At most 1,024 of them fit in one call (IOV_MAX).
[[nodiscard]] inline const iovec* as_iovec(base::Segments segments) {
    static_assert(sizeof(base::Segment) == sizeof(iovec) &&
                  offsetof(base::Segment, size) == offsetof(iovec, iov_len));
    return reinterpret_cast<const iovec*>(segments.data());
}
[[nodiscard]] inline const iovec* as_iovec(base::ConstSegments segments) {
    static_assert(sizeof(base::ConstSegment) == sizeof(iovec) &&
                  offsetof(base::ConstSegment, size) == offsetof(iovec, iov_len));
    return reinterpret_cast<const iovec*>(segments.data());
}

[[nodiscard]] inline auto readv(int fd, base::Segments into, std::uint64_t offset, int rw_flags = 0) {
    return Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_readv2(&sqe, fd, as_iovec(into), static_cast<unsigned>(into.size()), offset, rw_flags);
    });
}
/// `rw_flags` as for pwritev2(): RWF_DSYNC makes this one write durable.
[[nodiscard]] inline auto writev(int fd, base::ConstSegments from, std::uint64_t offset, int rw_flags = 0) {
    return Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_writev2(&sqe, fd, as_iovec(from), static_cast<unsigned>(from.size()), offset, rw_flags);
    });
}
[[nodiscard]] inline auto read(int fd, std::span<std::byte> into, std::uint64_t offset) {
    return Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_read(&sqe, fd, into.data(), static_cast<unsigned>(into.size()), offset);
    });
}
[[nodiscard]] inline auto write(int fd, std::span<const std::byte> from, std::uint64_t offset) {
    return Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_write(&sqe, fd, from.data(), static_cast<unsigned>(from.size()), offset);
    });
}
[[nodiscard]] inline auto fsync(int fd) {
    return Operation([=](io_uring_sqe& sqe) { io_uring_prep_fsync(&sqe, fd, 0); });
}
[[nodiscard]] inline auto fdatasync(int fd) {
    return Operation([=](io_uring_sqe& sqe) { io_uring_prep_fsync(&sqe, fd, IORING_FSYNC_DATASYNC); });
}
/// `mode` as for fallocate(2): hole punching and zeroing work on files and on block devices alike.
[[nodiscard]] inline auto fallocate(int fd, int mode, std::uint64_t offset, std::uint64_t length) {
    return Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_fallocate(&sqe, fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
    });
}
/// Ends when one of `events` (POLLIN, POLLOUT, …) is there; the result is what is.
[[nodiscard]] inline auto poll(int fd, unsigned events) {
    return Operation([=](io_uring_sqe& sqe) { io_uring_prep_poll_add(&sqe, fd, events); });
}

}  // namespace targe::reactor
