// counting.so, for LD_PRELOAD: counts in any program what a command should not cost. The counts are in the
// file that TARGE_COUNTS names, where whoever measures reads them at any moment (bench/counter.py); without
// it nothing is counted.
//
// Counted are calls of the C library, so a program pays for its own and for its libraries' calls alike. What
// the compiler has put in place of a call is not seen: copies of a size that it knows. That is why only
// copies of kLargeCopy bytes and more are counted; data of commands are.
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::size_t kLargeCopy = 256;

// In the order of bench/counter.py.
struct Counts {
    std::atomic<std::uint64_t> allocations;   ///< malloc() and its kin, operator new among them
    std::atomic<std::uint64_t> copied_bytes;  ///< by memcpy() and memmove(), large ones
    std::atomic<std::uint64_t> file_bytes;    ///< between files and memory: the kernel copies them
    std::atomic<std::uint64_t> receives;      ///< from sockets, that brought something
    std::atomic<std::uint64_t> sends;         ///< to sockets, that took something
    std::atomic<std::uint64_t> file_calls;    ///< that moved something
    std::atomic<std::uint64_t> ring_calls;    ///< of io_uring, without waiting
    std::atomic<std::uint64_t> waits;         ///< that may give the CPU away until something comes
    std::atomic<std::uint64_t> looks;         ///< that found nothing, and sched_yield()
    std::atomic<std::uint64_t> other_calls;   ///< write() to wake a thread, and the like
};

Counts* counts = nullptr;

void add(std::atomic<std::uint64_t> Counts::* which, std::uint64_t amount) {
    if (counts != nullptr) {
        (counts->*which).fetch_add(amount, std::memory_order_relaxed);
    }
}

/// The function that this file stands before.
template <class Function>
Function* next(Function* /*type*/, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

using Copy = void*(void*, const void*, std::size_t);
Copy* real_memcpy = nullptr;
Copy* real_memmove = nullptr;

__attribute__((constructor)) void begin() {
    real_memcpy = next<Copy>(nullptr, "memcpy");
    real_memmove = next<Copy>(nullptr, "memmove");
    const char* const path = std::getenv("TARGE_COUNTS");
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    void* const memory = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    counts = memory == MAP_FAILED ? nullptr : static_cast<Counts*>(memory);
}

/// Before begin(): byte by byte, in a way that the compiler does not turn into a call of memmove().
void* plain_copy(void* to, const void* from, std::size_t size) {
    auto* const out = static_cast<volatile unsigned char*>(to);
    const auto* const in = static_cast<const volatile unsigned char*>(from);
    if (out <= in) {
        for (std::size_t i = 0; i < size; ++i) {
            out[i] = in[i];
        }
    } else {
        for (std::size_t i = size; i-- > 0;) {
            out[i] = in[i];
        }
    }
    return to;
}

void* copy(Copy* with, void* to, const void* from, std::size_t size) {
    if (size >= kLargeCopy) {
        add(&Counts::copied_bytes, size);
    }
    return with == nullptr ? plain_copy(to, from, size) : with(to, from, size);
}

template <class Number>
Number moved(std::atomic<std::uint64_t> Counts::* kind, Number result) {
    const int error = errno;
    const bool nothing = result < 0 && (error == EAGAIN || error == EINTR);
    add(nothing ? &Counts::looks : kind, 1);
    errno = error;
    return result;
}

ssize_t moved_of_file(ssize_t result) {
    if (result > 0) {
        add(&Counts::file_bytes, static_cast<std::uint64_t>(result));
    }
    return moved(&Counts::file_calls, result);
}

/// read() and write() go to all kinds of things.
ssize_t moved_of(int descriptor, std::atomic<std::uint64_t> Counts::* of_sockets, ssize_t result) {
    struct stat facts{};
    const int error = errno;
    const bool known = ::fstat(descriptor, &facts) == 0;
    errno = error;
    if (known && S_ISSOCK(facts.st_mode)) {
        return moved(of_sockets, result);
    }
    return known && (S_ISREG(facts.st_mode) || S_ISBLK(facts.st_mode)) ? moved_of_file(result)
                                                                       : moved(&Counts::other_calls, result);
}

}  // namespace

#define REAL(name) static auto* const real = next(&(name), #name)

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) noexcept {
    return copy(real_memcpy, to, from, size);
}
void* memmove(void* to, const void* from, std::size_t size) noexcept {
    return copy(real_memmove, to, from, size);
}
// What programs call that were built to look whether there is room; by the names that glibc gives them.
void* checked_memcpy(void* to, const void* from, std::size_t size, std::size_t room) noexcept
    asm("__memcpy_chk");
void* checked_memmove(void* to, const void* from, std::size_t size, std::size_t room) noexcept
    asm("__memmove_chk");
void* checked_memcpy(void* to, const void* from, std::size_t size, std::size_t /*room*/) noexcept {
    return copy(real_memcpy, to, from, size);
}
void* checked_memmove(void* to, const void* from, std::size_t size, std::size_t /*room*/) noexcept {
    return copy(real_memmove, to, from, size);
}

// glibc's own, so that nothing is to be looked up, which would allocate.
void* glibc_malloc(std::size_t size) asm("__libc_malloc");
void* glibc_calloc(std::size_t count, std::size_t size) asm("__libc_calloc");
void* glibc_realloc(void* memory, std::size_t size) asm("__libc_realloc");
void* glibc_memalign(std::size_t alignment, std::size_t size) asm("__libc_memalign");

void* malloc(std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    return glibc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    return glibc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    return glibc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    return glibc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    return glibc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    add(&Counts::allocations, 1);
    *memory = glibc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}

ssize_t recv(int socket, void* into, std::size_t size, int flags) {
    REAL(recv);
    return moved(&Counts::receives, real(socket, into, size, flags));
}
ssize_t recvmsg(int socket, msghdr* message, int flags) {
    REAL(recvmsg);
    return moved(&Counts::receives, real(socket, message, flags));
}
ssize_t send(int socket, const void* from, std::size_t size, int flags) {
    REAL(send);
    return moved(&Counts::sends, real(socket, from, size, flags));
}
ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    REAL(sendmsg);
    return moved(&Counts::sends, real(socket, message, flags));
}

ssize_t read(int descriptor, void* into, std::size_t size) {
    REAL(read);
    return moved_of(descriptor, &Counts::receives, real(descriptor, into, size));
}
ssize_t readv(int descriptor, const iovec* pieces, int count) {
    REAL(readv);
    return moved_of(descriptor, &Counts::receives, real(descriptor, pieces, count));
}
ssize_t write(int descriptor, const void* from, std::size_t size) {
    REAL(write);
    return moved_of(descriptor, &Counts::sends, real(descriptor, from, size));
}
ssize_t writev(int descriptor, const iovec* pieces, int count) {
    REAL(writev);
    return moved_of(descriptor, &Counts::sends, real(descriptor, pieces, count));
}
ssize_t pread(int file, void* into, std::size_t size, off_t offset) {
    REAL(pread);
    return moved_of_file(real(file, into, size, offset));
}
ssize_t pread64(int file, void* into, std::size_t size, off64_t offset) {
    REAL(pread64);
    return moved_of_file(real(file, into, size, offset));
}
ssize_t pwrite(int file, const void* from, std::size_t size, off_t offset) {
    REAL(pwrite);
    return moved_of_file(real(file, from, size, offset));
}
ssize_t pwrite64(int file, const void* from, std::size_t size, off64_t offset) {
    REAL(pwrite64);
    return moved_of_file(real(file, from, size, offset));
}
ssize_t preadv2(int file, const iovec* pieces, int count, off_t offset, int flags) {
    REAL(preadv2);
    return moved_of_file(real(file, pieces, count, offset, flags));
}
ssize_t pwritev2(int file, const iovec* pieces, int count, off_t offset, int flags) {
    REAL(pwritev2);
    return moved_of_file(real(file, pieces, count, offset, flags));
}

ssize_t splice(int from, off64_t* from_offset, int into, off64_t* into_offset, std::size_t size,
               unsigned flags) {
    REAL(splice);
    return moved(&Counts::file_calls, real(from, from_offset, into, into_offset, size, flags));
}
int mincore(void* at, std::size_t size, unsigned char* found) noexcept {
    REAL(mincore);
    add(&Counts::file_calls, 1);
    return real(at, size, found);
}

int sched_yield() noexcept {
    REAL(sched_yield);
    add(&Counts::looks, 1);
    return real();
}
int poll(pollfd* entries, nfds_t count, int timeout) {
    REAL(poll);
    add(&Counts::waits, 1);
    return real(entries, count, timeout);
}
int epoll_wait(int descriptor, epoll_event* events, int count, int timeout) {
    REAL(epoll_wait);
    add(&Counts::waits, 1);
    return real(descriptor, events, count, timeout);
}

int io_uring_submit(io_uring* ring) {
    REAL(io_uring_submit);
    add(&Counts::ring_calls, 1);
    return real(ring);
}
int io_uring_submit_and_get_events(io_uring* ring) {
    REAL(io_uring_submit_and_get_events);
    add(&Counts::ring_calls, 1);
    return real(ring);
}
int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** completion, unsigned count,
                                     __kernel_timespec* limit, sigset_t* signals) {
    REAL(io_uring_submit_and_wait_timeout);
    add(&Counts::waits, 1);
    return real(ring, completion, count, limit, signals);
}

}  // extern "C"
