// Bytes between memory and a descriptor, until all are moved or it is known why not.
#pragma once

#include "base/buffer.h"
#include "base/task.h"
#include "device/io_error.h"

#include <cstddef>
#include <cstdint>
#include <span>

struct iovec;

namespace targe::reactor {
struct PlugLimits;
}

namespace targe::device {

class OffCoreThreads;

struct Transfer {
    Attempt attempt;
    int fd;
    std::span<const iovec> pieces;
    std::uint64_t offset;
    std::uint64_t size;      ///< of all pieces
    int flags = 0;           ///< RWF_*
    bool in_memory = false;  ///< most likely, see reactor::PlugRange
    /// Of a file whose server may not answer: the kernel tries nothing here first, and writes are made there.
    OffCoreThreads* off_core = nullptr;
};

[[nodiscard]] Transfer reading(int fd, base::Segments into, std::uint64_t offset);
[[nodiscard]] Transfer writing(int fd, base::ConstSegments from, std::uint64_t offset, int flags);

/// How far a transfer came. An error of 0 with bytes missing is the end of the file.
struct Moved {
    std::uint64_t bytes = 0;
    int error = 0;
};

/// One system call on this thread, with `extra_flags` (RWF_NOWAIT, say). What is then missing, for whatever
/// reason, move() can go on with.
[[nodiscard]] Moved move_now(const Transfer& transfer, int extra_flags);

/// Goes on after `moved` through the ring of the current reactor, which may sleep.
[[nodiscard]] base::Task<Moved> move(base::CommandArena& arena, Transfer transfer, Moved moved);

/// All of it together with what else the current turn moves so (reactor::Plug): past the page cache, or a
/// small read from it. Pieces and offset are aligned as the descriptor asks; `limits` stay in place until the
/// end.
[[nodiscard]] base::Task<Moved> move_direct(base::CommandArena& arena, Transfer transfer,
                                            const reactor::PlugLimits& limits);

/// The same by way of an aligned buffer of the current reactor, for pieces that O_DIRECT would refuse.
[[nodiscard]] base::Task<Moved> move_bounced(base::CommandArena& arena, Transfer transfer,
                                             const reactor::PlugLimits& limits);

/// Whether every piece begins and ends at a multiple of `alignment`, a power of two.
[[nodiscard]] bool aligned(const Transfer& transfer, std::size_t alignment);

}  // namespace targe::device
