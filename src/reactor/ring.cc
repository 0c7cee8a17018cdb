#include "reactor/ring.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace targe::reactor {

namespace {

// Completions are made only when this thread asks for them (DEFER_TASKRUN), so that the kernel interrupts
// nothing; a bit in shared memory says that there are some (TASKRUN_FLAG), so that a spinning reactor makes
// no system call to learn it. One erroneous submission must not hold up those behind it (SUBMIT_ALL).
constexpr unsigned kCommon = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                             IORING_SETUP_CLAMP | IORING_SETUP_TASKRUN_FLAG;
constexpr unsigned kWanted[] = {
    kCommon | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,  // Linux 6.1
    kCommon | IORING_SETUP_COOP_TASKRUN,                                // Linux 5.19
};

// Multishot operations and polls of many streams can complete more often than they were submitted.
constexpr unsigned kCompletionsPerEntry = 4;

// Of threads that the kernel keeps for what waits, such as flushes: four a CPU, unless somebody says more. On
// a share whose server does not answer each of so many files holds one, and all other files would wait.
constexpr unsigned kWorkers = 256;

void have_workers(int ring) {
    std::array<unsigned, 2> most{};  // of what has an end, and of the rest; 0 changes nothing
    const auto tell = [&] {
        return io_uring_register(static_cast<unsigned>(ring), IORING_REGISTER_IOWQ_MAX_WORKERS, most.data(),
                                 static_cast<unsigned>(most.size()));
    };
    // What there was before comes back. A kernel that refuses serves as well while all servers answer.
    if (tell() == 0 && most[0] < kWorkers) {
        most = {kWorkers, 0};
        static_cast<void>(tell());
    }
}

}  // namespace

std::expected<std::unique_ptr<Ring>, int> Ring::create(unsigned entries) {
    int error = EINVAL;
    for (const unsigned flags : kWanted) {
        io_uring_params params{};
        params.flags = flags;
        params.cq_entries = entries * kCompletionsPerEntry;
        std::unique_ptr<Ring> ring(new Ring);
        const int result = io_uring_queue_init_params(entries, &ring->ring_, &params);
        if (result == 0) {
            ring->made_ = true;
            // Waiting with a limit in the same call came with 5.11: older kernels refuse the flags above.
            TARGE_ASSERT((params.features & IORING_FEAT_EXT_ARG) != 0);
            return ring;
        }
        error = -result;
        if (error != EINVAL) {
            break;
        }
    }
    return std::unexpected(error);
}

Ring::~Ring() {
    if (made_) {
        io_uring_queue_exit(&ring_);
    }
}

void Ring::enter_thread() {
    // By number: liburing 2.3 forgets to export io_uring_enable_rings().
    const int enabled =
        io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    TARGE_ASSERT(enabled == 0);
    have_workers(ring_.ring_fd);
    // Spares the kernel a look-up of the descriptor in each call. Works without as well.
    static_cast<void>(io_uring_register_ring_fd(&ring_));
}

void Ring::leave_thread() {
    // The registration is the thread's: another thread that destroys the ring could not undo it.
    static_cast<void>(io_uring_unregister_ring_fd(&ring_));
}

io_uring_sqe& Ring::submission() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    // More than once only when the kernel is short of memory for requests: nothing better can be done
    // meanwhile.
    while (sqe == nullptr) {
        submit();
        sqe = io_uring_get_sqe(&ring_);
    }
    return *sqe;
}

int Ring::set(unsigned slot, std::span<std::byte> memory) {
    if (!has_slots_) {
        const int result = io_uring_register_buffers_sparse(&ring_, FixedBuffers::kSlots);  // Linux 5.19
        if (result < 0) {
            return -result;
        }
        has_slots_ = true;
    }
    if (memory.empty()) {
        // What is prepared names slots, and the kernel looks there when it takes it.
        submit();
        if (io_uring_sq_ready(&ring_) != 0) {
            return EBUSY;
        }
    }
    const iovec entry{.iov_base = memory.data(), .iov_len = memory.size()};
    const __u64 tag = 0;
    const int result = io_uring_register_buffers_update_tag(&ring_, slot, &entry, &tag, 1);
    return result < 0 ? -result : 0;
}

bool Ring::work_pending() const {
    const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool Ring::ready() const {
    return io_uring_cq_ready(&ring_) != 0 || work_pending();
}

std::span<Completed> Ring::collect(std::span<Completed> into) {
    if (work_pending()) {
        static_cast<void>(io_uring_submit_and_get_events(&ring_));
    }
    std::size_t count = 0;
    unsigned head = 0;
    io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(&ring_, head, cqe) {
        if (count == into.size()) {
            break;
        }
        into[count++] = {.completion = static_cast<Completion*>(io_uring_cqe_get_data(cqe)),
                         .result = cqe->res,
                         .flags = cqe->flags};
    }
    io_uring_cq_advance(&ring_, static_cast<unsigned>(count));
    return into.first(count);
}

void Ring::submit() {
    if (io_uring_sq_ready(&ring_) == 0) {
        return;
    }
    // EBUSY and EAGAIN: the kernel wants completions to be taken first, or memory. What is prepared stays
    // prepared and is tried again with the next turn.
    const int result = io_uring_submit_and_get_events(&ring_);
    TARGE_ASSERT(result >= 0 || result == -EBUSY || result == -EAGAIN || result == -EINTR ||
                 result == -ENOMEM);
}

void Ring::submit_and_wait(std::optional<base::Duration> limit) {
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec timeout{};
    if (limit) {
        // Rounded up by the granularity of Duration, never below zero.
        const auto ns = std::max<std::int64_t>(0, std::chrono::nanoseconds(*limit).count());
        timeout.tv_sec = ns / 1'000'000'000;
        timeout.tv_nsec = ns % 1'000'000'000;
    }
    const int result = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, limit ? &timeout : nullptr, nullptr);
    TARGE_ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
                 result == -EAGAIN || result == -ENOMEM);
}

}  // namespace targe::reactor
