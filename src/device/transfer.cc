#include "device/transfer.h"

#include "device/off_core_threads.h"
#include "reactor/io.h"
#include "reactor/plug.h"

#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace targe::device {
namespace {

/// What the kernel takes in one call.
constexpr std::size_t kMaxPieces = IOV_MAX;
/// A signal may interrupt a call; one that is always interrupted is given up.
constexpr int kMaxInterruptions = 16;

/// The part of a list after its first bytes, for when a call has moved only some of them.
class Rest {
public:
    /// Valid as long as this object and `pieces` are.
    std::span<const iovec> after(std::span<const iovec> pieces, std::uint64_t bytes) {
        std::size_t first = 0;
        while (first < pieces.size() && bytes >= pieces[first].iov_len) {
            bytes -= pieces[first].iov_len;
            ++first;
        }
        const std::span<const iovec> whole = pieces.subspan(first);
        if (bytes == 0) {
            return whole.first(std::min(whole.size(), kMaxPieces));
        }
        const std::size_t count = std::min(whole.size(), window_.size());
        std::copy_n(whole.begin(), count, window_.begin());
        window_[0].iov_base = static_cast<std::byte*>(window_[0].iov_base) + bytes;
        window_[0].iov_len -= bytes;
        return std::span(window_).first(count);
    }

private:
    std::array<iovec, 16> window_{};
};

auto vectored(const Transfer& transfer, std::span<const iovec> pieces, std::uint64_t offset) {
    return reactor::Operation([=](io_uring_sqe& sqe) {
        const auto count = static_cast<unsigned>(pieces.size());
        if (transfer.attempt == Attempt::read) {
            io_uring_prep_readv2(&sqe, transfer.fd, pieces.data(), count, offset, transfer.flags);
        } else {
            io_uring_prep_writev2(&sqe, transfer.fd, pieces.data(), count, offset, transfer.flags);
        }
        io_uring_sqe_set_flags(&sqe, transfer.off_core != nullptr ? IOSQE_ASYNC : 0U);
    });
}

class OffCoreWrite final : public OffCoreThreads::Job {
public:
    explicit OffCoreWrite(const Transfer& part) : part_(part) {}
    /// What the ring would have said.
    [[nodiscard]] int result() const {
        return moved_.error != 0 ? -moved_.error : static_cast<int>(moved_.bytes);
    }

private:
    void run() override { moved_ = move_now(part_, 0); }
    const Transfer part_;
    Moved moved_;
};

base::Task<int> written_off_core(base::CommandArena& arena, const Transfer& transfer,
                                 std::span<const iovec> pieces, std::uint64_t offset) {
    Transfer part = transfer;
    part.pieces = pieces;
    part.offset = offset;
    OffCoreWrite write(part);
    const int refused = co_await transfer.off_core->run(arena, write);
    co_return refused != 0 ? -refused : write.result();
}

/// Copies `bytes` of the list from `skip` on out to `buffer`, or in from it.
void copy_pieces(const Transfer& transfer, std::uint64_t skip, std::span<std::byte> buffer) {
    for (const iovec& piece : transfer.pieces) {
        if (skip >= piece.iov_len) {
            skip -= piece.iov_len;
            continue;
        }
        if (buffer.empty()) {
            return;
        }
        std::byte* const at = static_cast<std::byte*>(piece.iov_base) + skip;
        const std::size_t count = std::min<std::size_t>(piece.iov_len - skip, buffer.size());
        if (transfer.attempt == Attempt::read) {
            std::memcpy(at, buffer.data(), count);
        } else {
            std::memcpy(buffer.data(), at, count);
        }
        buffer = buffer.subspan(count);
        skip = 0;
    }
}

}  // namespace

Transfer reading(int fd, base::Segments into, std::uint64_t offset) {
    return {.attempt = Attempt::read,
            .fd = fd,
            .pieces = {reactor::as_iovec(into), into.size()},
            .offset = offset,
            .size = base::total_size(into)};
}

Transfer writing(int fd, base::ConstSegments from, std::uint64_t offset, int flags) {
    return {.attempt = Attempt::write,
            .fd = fd,
            .pieces = {reactor::as_iovec(from), from.size()},
            .offset = offset,
            .size = base::total_size(from),
            .flags = flags};
}

Moved move_now(const Transfer& transfer, int extra_flags) {
    const auto count = static_cast<int>(std::min(transfer.pieces.size(), kMaxPieces));
    const auto offset = static_cast<off_t>(transfer.offset);
    const int flags = transfer.flags | extra_flags;
    const ssize_t n = transfer.attempt == Attempt::read
                          ? ::preadv2(transfer.fd, transfer.pieces.data(), count, offset, flags)
                          : ::pwritev2(transfer.fd, transfer.pieces.data(), count, offset, flags);
    return n < 0 ? Moved{.error = errno} : Moved{.bytes = static_cast<std::uint64_t>(n)};
}

base::Task<Moved> move(base::CommandArena& arena, Transfer transfer, Moved moved) {
    Rest rest;
    int interruptions = 0;
    while (moved.bytes < transfer.size) {
        const std::span<const iovec> pieces = rest.after(transfer.pieces, moved.bytes);
        int n = 0;
        if (transfer.off_core != nullptr && transfer.attempt == Attempt::write) {
            n = co_await written_off_core(arena, transfer, pieces, transfer.offset + moved.bytes);
        } else {
            n = co_await vectored(transfer, pieces, transfer.offset + moved.bytes);
        }
        if (n == -EINTR && ++interruptions < kMaxInterruptions) {
            continue;
        }
        if (n <= 0) {
            co_return Moved{.bytes = moved.bytes, .error = -n};
        }
        moved.bytes += static_cast<std::uint64_t>(n);
    }
    co_return Moved{.bytes = moved.bytes};
}

base::Task<Moved> move_direct(base::CommandArena& arena, Transfer transfer,
                              const reactor::PlugLimits& limits) {
    if (transfer.off_core != nullptr || transfer.pieces.size() > reactor::PlugRange::kMaxPieces ||
        transfer.size == 0) {
        co_return co_await move(arena, transfer, Moved{});
    }
    const bool reads = transfer.attempt == Attempt::read;
    const reactor::PlugRange range{
        .direction = reads ? reactor::PlugDirection::read : reactor::PlugDirection::write,
        .fd = transfer.fd,
        .pieces = transfer.pieces,
        .offset = transfer.offset,
        .size = transfer.size,
        .rw_flags = transfer.flags,
        .limits = &limits,
        .in_memory = transfer.in_memory};
    const reactor::PluggedTransfer::Result result = co_await reactor::PluggedTransfer(range);
    co_return Moved{.bytes = result.bytes, .error = result.error};
}

base::Task<Moved> move_bounced(base::CommandArena& arena, Transfer transfer,
                               const reactor::PlugLimits& limits) {
    constexpr std::uint64_t kChunk = 256ULL << 10U;
    auto buffer = reactor::Reactor::current()->buffers().take(std::min(transfer.size, kChunk));
    if (!buffer) {
        co_return Moved{.error = ENOBUFS};
    }
    Moved moved;
    while (moved.bytes < transfer.size) {
        const std::size_t size = std::min(transfer.size - moved.bytes, kChunk);
        const std::span<std::byte> chunk = buffer->bytes().first(size);
        if (transfer.attempt == Attempt::write) {
            copy_pieces(transfer, moved.bytes, chunk);
        }
        const iovec piece{.iov_base = chunk.data(), .iov_len = size};
        const Transfer part{.attempt = transfer.attempt,
                            .fd = transfer.fd,
                            .pieces = {&piece, 1},
                            .offset = transfer.offset + moved.bytes,
                            .size = size,
                            .flags = transfer.flags,
                            .off_core = transfer.off_core};
        const Moved done = co_await move_direct(arena, part, limits);
        if (transfer.attempt == Attempt::read) {
            copy_pieces(transfer, moved.bytes, chunk.first(done.bytes));
        }
        moved.bytes += done.bytes;
        if (done.bytes != size) {
            co_return Moved{.bytes = moved.bytes, .error = done.error};
        }
    }
    co_return moved;
}

bool aligned(const Transfer& transfer, std::size_t alignment) {
    const auto whole = [alignment](const iovec& piece) {
        const auto at = reinterpret_cast<std::uintptr_t>(piece.iov_base);
        return ((at | piece.iov_len) & (alignment - 1)) == 0;
    };
    return std::ranges::all_of(transfer.pieces, whole);
}

}  // namespace targe::device
