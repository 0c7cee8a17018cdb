#include "device/block_device.h"

#include "device/file_device.h"
#include "device/off_core.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace targe::device {

std::expected<std::uint64_t, int> block_device_size(int fd) {
    std::uint64_t bytes = 0;
    if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) {
        return std::unexpected(errno);
    }
    return bytes;
}

std::expected<reactor::FileDescriptor, int> BlockDevice::open_device(const std::string& path, int flags) {
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    reactor::FileDescriptor fd{::open(path.c_str(), flags | (writes ? O_EXCL : 0))};
    if (!fd) {
        return std::unexpected(errno);
    }
    wait_for_io(fd.get());
    return fd;
}

std::expected<std::uint64_t, int> BlockDevice::look_again() {
    struct stat named{};
    struct stat held{};
    if (::stat(settings().path.c_str(), &named) != 0 || ::fstat(fd(), &held) != 0) {
        return std::unexpected(errno);
    }
    if (!S_ISBLK(named.st_mode)) {
        return std::unexpected(ENODEV);
    }
    const auto size = block_device_size(fd());
    if (named.st_rdev == held.st_rdev && size && *size > 0) {
        return size;
    }
    // Another device has the name now, or what is open has lost its medium. One that was opened exclusively
    // can be opened again only when it is a new one, which is what is hoped for here.
    auto opened = open_device(settings().path, open_flags(settings()));
    if (!opened) {
        return std::unexpected(opened.error());
    }
    if (!take_over(*opened)) {
        return std::unexpected(kPinned);
    }
    return block_device_size(fd());
}

base::Task<bool> BlockDevice::intact(base::CommandArena& /*arena*/, std::uint64_t bytes) {
    const auto size = block_device_size(fd());
    co_return size && *size >= bytes;
}

base::Task<IoResult> BlockDevice::unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    if (discard_ != Discard::plain) {
        co_return co_await StoredDevice::unmap(arena, lba, blocks);
    }
    const IoResult fit = co_await ready_to_write(arena, lba, blocks);
    if (!fit) {
        co_return fit;
    }
    const auto owed = owing();
    int error = 0;
    const std::array<std::uint64_t, 2> range{byte_of(lba), byte_of(blocks)};
    const int refused = co_await run_off_core(arena, [device = fd(), range, &error]() mutable {
        error = ::ioctl(device, BLKDISCARD, range.data()) == 0 ? 0 : errno;
    });
    if (refused != 0) {
        co_return failed(IoError::no_resources, lba);
    }
    if (error != 0) {
        co_return failed(io_error_of(error, Attempt::write), lba);
    }
    co_return IoResult{};
}

base::Task<std::expected<Extent, IoFailure>> BlockDevice::block_status(base::CommandArena& arena,
                                                                       std::uint64_t lba,
                                                                       std::uint64_t blocks) {
    // The kernel does not say; a caller that asks all the same learns nothing wrong.
    const IoResult fit = co_await ready(arena, lba, blocks);
    if (!fit) {
        co_return std::unexpected(fit.error());
    }
    co_return Extent{.lba = lba, .blocks = blocks, .mapped = true};
}

}  // namespace targe::device
