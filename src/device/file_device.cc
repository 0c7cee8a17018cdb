#include "device/file_device.h"

#include "device/extent_map.h"
#include "device/file_copy.h"
#include "device/off_core.h"
#include "reactor/io.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace targe::device {
namespace {

/// The first byte from `offset` on that `whence` (SEEK_DATA, SEEK_HOLE) looks for; `end` when there is none.
std::expected<std::uint64_t, int> seek(int fd, std::uint64_t offset, int whence, std::uint64_t end) {
    const off_t found = ::lseek(fd, static_cast<off_t>(offset), whence);
    if (found >= 0) {
        return std::min(static_cast<std::uint64_t>(found), end);
    }
    return errno == ENXIO ? std::expected<std::uint64_t, int>{end} : std::unexpected(errno);
}

/// Or an errno. May block on a file system that is not local.
std::expected<Fill, int> file_fill(int fd) {
    constexpr std::uint64_t kStatUnit = 512;
    struct stat file{};
    struct statvfs system{};
    if (::fstat(fd, &file) != 0 || ::fstatvfs(fd, &system) != 0) {
        return std::unexpected(errno);
    }
    // What is set aside for the superuser is there for a daemon that runs as such.
    const std::uint64_t free_blocks = ::geteuid() == 0 ? system.f_bfree : system.f_bavail;
    return Fill{.used_bytes = static_cast<std::uint64_t>(file.st_blocks) * kStatUnit,
                .available_bytes = free_blocks * system.f_frsize,
                .shared = true};
}

/// By when it was written, and how long it is. When anything of a file was changed is no use: another name
/// for it makes it no other disc.
std::uint64_t content_of(std::int64_t seconds, std::int64_t nanoseconds, std::uint64_t size) {
    constexpr std::uint64_t kNanoseconds = 1'000'000'000;
    constexpr std::uint64_t kSpread = 0x9e37'79b9'7f4a'7c15;
    const std::uint64_t time =
        static_cast<std::uint64_t>(seconds) * kNanoseconds + static_cast<std::uint64_t>(nanoseconds);
    return ((time * kSpread) ^ size) | 1U;
}

std::uint64_t content_of(const struct stat& file) {
    return content_of(file.st_mtim.tv_sec, file.st_mtim.tv_nsec, static_cast<std::uint64_t>(file.st_size));
}

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

int open_flags(const StoreSettings& settings) {
    return (settings.capabilities.read_only ? O_RDONLY : O_RDWR) |
           (settings.data_path == DataPath::direct ? O_DIRECT : 0) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
}

void wait_for_io(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    static_cast<void>(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
}

FileDevice::FileDevice(StoreSettings settings, reactor::FileDescriptor fd)
    : StoredDevice(std::move(settings), std::move(fd)) {
    struct stat opened{};
    if (::fstat(this->fd(), &opened) == 0) {
        saw(content_of(opened));
    }
}

std::expected<reactor::FileDescriptor, int> FileDevice::open_file(const std::string& path, int flags) {
    constexpr mode_t kOwnerOnly = 0600;
    // A read that leaves a trace is a write of the file system's, which it may have to wait for. Only the
    // owner of a file may read it without.
    reactor::FileDescriptor fd{::open(path.c_str(), flags | O_NOATIME, kOwnerOnly)};
    if (!fd && errno == EPERM) {
        fd = reactor::FileDescriptor{::open(path.c_str(), flags, kOwnerOnly)};
    }
    if (!fd) {
        return std::unexpected(errno);
    }
    wait_for_io(fd.get());
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    // A file system without locks is no reason not to serve.
    if (::flock(fd.get(), (writes ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return std::unexpected(EWOULDBLOCK);
    }
    return fd;
}

std::expected<std::uint64_t, int> FileDevice::look_again() {
    struct stat named{};
    struct stat held{};
    if (::stat(settings().path.c_str(), &named) != 0) {
        return std::unexpected(errno);
    }
    if (!S_ISREG(named.st_mode)) {
        return std::unexpected(ENOENT);
    }
    // Of a file that its server has forgotten nothing can be learned (ESTALE): what has its name is another.
    if (::fstat(fd(), &held) != 0 || !same_file(named, held)) {
        auto opened = open_file(settings().path, open_flags(settings()));
        if (!opened) {
            return std::unexpected(opened.error());
        }
        if (!take_over(*opened)) {
            return std::unexpected(kPinned);
        }
        if (::fstat(fd(), &named) != 0) {
            return std::unexpected(errno);
        }
    }
    saw(content_of(named));
    return static_cast<std::uint64_t>(named.st_size);
}

namespace {

/// Through the ring: a server may take as long as it likes. 0 or a negative errno; both pointers stay.
auto look_at(int directory, const char* path, struct statx* into) {
    return reactor::Operation([=](io_uring_sqe& sqe) {
        io_uring_prep_statx(&sqe, directory, path, AT_EMPTY_PATH,
                            STATX_TYPE | STATX_INO | STATX_NLINK | STATX_SIZE | STATX_MTIME, into);
    });
}

}  // namespace

base::Task<bool> FileDevice::leads_elsewhere(base::CommandArena& /*arena*/) {
    struct statx named{};
    struct statx held{};
    const int found = co_await look_at(AT_FDCWD, settings().path.c_str(), &named);
    if (found != 0 || !S_ISREG(named.stx_mode)) {
        co_return false;
    }
    const int known = co_await look_at(fd(), "", &held);
    co_return known == 0 && (named.stx_ino != held.stx_ino || named.stx_dev_major != held.stx_dev_major ||
                             named.stx_dev_minor != held.stx_dev_minor);
}

base::Task<bool> FileDevice::intact(base::CommandArena& arena, std::uint64_t bytes) {
    // A disk that got another name is the same disk. A disc is what its path leads to.
    if (settings().disc) {
        const bool elsewhere = co_await leads_elsewhere(arena);
        if (elsewhere) {
            co_return false;
        }
    }
    if (settings().local) {
        struct stat now{};
        if (::fstat(fd(), &now) != 0) {
            co_return false;
        }
        saw(content_of(now));
        co_return now.st_nlink > 0 && static_cast<std::uint64_t>(now.st_size) >= bytes;
    }
    struct statx now{};
    const int result = co_await look_at(fd(), "", &now);
    if (result != 0) {
        co_return false;
    }
    saw(content_of(now.stx_mtime.tv_sec, now.stx_mtime.tv_nsec, now.stx_size));
    co_return now.stx_nlink > 0 && now.stx_size >= bytes;
}

base::Task<std::expected<Extent, IoFailure>> FileDevice::block_status(base::CommandArena& arena,
                                                                      std::uint64_t lba,
                                                                      std::uint64_t blocks) {
    const IoResult fit = co_await ready(arena, lba, blocks);
    if (!fit) {
        co_return std::unexpected(fit.error());
    }
    std::expected<Extent, int> found = std::unexpected(EAGAIN);
    if (settings().local) {
        found = extent_at(lba, blocks);
    } else if (co_await run_off_core(arena,
                                     [this, lba, blocks, &found] { found = extent_at(lba, blocks); }) != 0) {
        co_return failed(IoError::no_resources, lba);
    }
    if (!found) {
        co_return failed(io_error_of(found.error(), Attempt::read), lba);
    }
    co_return *found;
}

/// Or an errno. May block on a file system that is not local.
std::expected<Extent, int> FileDevice::extent_at(std::uint64_t lba, std::uint64_t blocks) const {
    const std::uint64_t block_size = settings().geometry.block_size;
    const std::uint64_t begin = byte_of(lba);
    const std::uint64_t end = byte_of(lba + blocks);
    const auto data = seek(fd(), begin, SEEK_DATA, end);
    if (!data) {
        return std::unexpected(data.error());
    }
    // A block that is part data, part hole is mapped.
    const std::uint64_t hole_blocks = (*data - begin) / block_size;
    if (hole_blocks > 0) {
        return settings().capabilities.anchor ? hole_extent(lba, hole_blocks)
                                              : Extent{.lba = lba, .blocks = hole_blocks, .mapped = false};
    }
    const auto hole = seek(fd(), *data, SEEK_HOLE, end);
    if (!hole) {
        return std::unexpected(hole.error());
    }
    return Extent{.lba = lba, .blocks = (*hole - begin + block_size - 1) / block_size, .mapped = true};
}

/// Blocks without data: whether they have their space is asked separately.
Extent FileDevice::hole_extent(std::uint64_t lba, std::uint64_t blocks) const {
    const std::uint64_t begin = byte_of(lba);
    const auto run = hole_run(fd(), begin, byte_of(lba + blocks));
    if (!run) {
        return {.lba = lba, .blocks = blocks, .mapped = false};
    }
    const std::uint64_t whole = (run->end - begin) / settings().geometry.block_size;
    // A block of which only a part has its space is not anchored.
    return whole == 0 ? Extent{.lba = lba, .blocks = 1, .mapped = false}
                      : Extent{.lba = lba, .blocks = whole, .mapped = false, .anchored = run->allocated};
}

base::Task<IoResult> FileDevice::anchor(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    const IoResult fit = co_await ready_to_write(arena, lba, blocks);
    if (!fit) {
        co_return fit;
    }
    const auto owed = owing();
    const int error =
        co_await allocate(arena, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, byte_of(lba), byte_of(blocks));
    if (error != 0) {
        co_return failed(io_error_of(error, Attempt::write), lba);
    }
    co_return IoResult{};
}

base::Task<std::expected<Fill, IoFailure>> FileDevice::fill(base::CommandArena& arena) {
    const IoResult fit = co_await ready(arena, 0, 0);
    if (!fit) {
        co_return std::unexpected(fit.error());
    }
    std::expected<Fill, int> found = std::unexpected(EAGAIN);
    if (settings().local) {
        found = file_fill(fd());
    } else if (co_await run_off_core(arena, [file = fd(), &found] { found = file_fill(file); }) != 0) {
        co_return std::unexpected(IoFailure{.error = IoError::no_resources, .lba = 0});
    }
    if (!found) {
        co_return std::unexpected(IoFailure{.error = io_error_of(found.error(), Attempt::read), .lba = 0});
    }
    co_return *found;
}

base::Task<std::expected<CopyPath, IoFailure>> FileDevice::copy_from(base::CommandArena& arena,
                                                                     std::uint64_t lba, Device& source,
                                                                     std::uint64_t source_lba,
                                                                     std::uint64_t bytes,
                                                                     Durability durability) {
    auto* const from = dynamic_cast<FileDevice*>(&source);
    if (from == nullptr || settings().capabilities.read_only) {
        co_return CopyPath::none;
    }
    const IoResult there =
        co_await from->ready(arena, source_lba, bytes / from->settings().geometry.block_size);
    const IoResult here = co_await ready_to_write(arena, lba, bytes / settings().geometry.block_size);
    if (!there || !here) {
        co_return CopyPath::none;
    }
    const FileRanges ranges{.from = from->fd(),
                            .to = fd(),
                            .from_offset = from->byte_of(source_lba),
                            .to_offset = byte_of(lba),
                            .bytes = bytes};
    // The kernel moves data through the page cache, which O_DIRECT goes past.
    const bool may_move =
        settings().data_path != DataPath::direct && from->settings().data_path != DataPath::direct;
    FileCopy copy;
    int refused = 0;
    {
        const auto owed = owing();
        refused = co_await run_off_core(
            arena, [&ranges, &copy, may_move] { copy = copy_between_files(ranges, may_move); });
    }
    if (refused != 0 || (copy.path == CopyPath::none && copy.error == 0)) {
        co_return CopyPath::none;
    }
    if (copy.path == CopyPath::none) {
        co_return failed(io_error_of(copy.error, Attempt::write), lba);
    }
    if (durability == Durability::durable) {
        const IoResult flushed = co_await flush(arena);
        if (!flushed) {
            co_return std::unexpected(IoFailure{.error = flushed.error().error, .lba = lba});
        }
    }
    co_return copy.path;
}

}  // namespace targe::device
