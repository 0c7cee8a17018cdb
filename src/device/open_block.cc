#include "base/open_files.h"
#include "device/block_device.h"
#include "device/file_device.h"
#include "device/open_store.h"
#include "device/queue_facts.h"

#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace targe::device {
namespace {

using Result = std::expected<std::unique_ptr<Device>, OpenError>;

std::unexpected<OpenError> refused(const DeviceConfig& config, const std::string& why) {
    return std::unexpected(OpenError{fmt::format("cannot serve the block device {}: {}", config.path, why)});
}

std::string open_failure(int error) {
    switch (error) {
        case ENOENT:
        case ENXIO:
        case ENODEV:
            return "there is no such device; check the path, and prefer one from /dev/disk/by-id";
        case EACCES:
        case EPERM:
            return "permission denied; give the user that targed runs as access to it (group disk, a udev "
                   "rule)";
        case EBUSY:
            return "it is in use: mounted, part of a RAID or LVM, or served by another program; release it "
                   "first";
        case EMFILE:
        case ENFILE:
            return fmt::format("there are too many open files; {}", base::allow_more_open_files(error));
        case EROFS:
            return "it is read-only; set read_only = true";
        default:
            return std::strerror(error);
    }
}

struct BlockSizes {
    std::uint32_t logical = 512;
    std::uint32_t physical = 512;
};

BlockSizes block_sizes_of(int fd) {
    int logical = 0;
    unsigned physical = 0;
    BlockSizes sizes;
    if (::ioctl(fd, BLKSSZGET, &logical) == 0 && logical > 0) {
        sizes.logical = static_cast<std::uint32_t>(logical);
    }
    sizes.physical = ::ioctl(fd, BLKPBSZGET, &physical) == 0 ? physical : sizes.logical;
    return sizes;
}

Discard discard_of(const DeviceConfig& config, const QueueFacts& queue) {
    if (!config.thin || config.read_only || queue.discard_max_bytes == 0) {
        return Discard::none;
    }
    return queue.write_zeroes_max_bytes != 0 ? Discard::zeroing : Discard::plain;
}

Capabilities capabilities_of(const DeviceConfig& config, const QueueFacts& queue, Discard discard) {
    const std::uint64_t granule = queue.discard_granularity_bytes / config.block_size;
    return {
        .read_only = config.read_only,
        // O_DIRECT leaves nothing in the page cache, so only the device's own cache can be lost.
        .volatile_cache = queue.volatile_cache,
        .unmap = discard != Discard::none,
        .unmapped_reads_zero = discard == Discard::zeroing,
        .block_status = false,
        .rotational = config.rotational.value_or(queue.rotational),
        .unmap_granularity_blocks = static_cast<std::uint32_t>(std::max<std::uint64_t>(granule, 1)),
        .optimal_transfer_blocks = static_cast<std::uint32_t>(queue.optimal_io_bytes / config.block_size)};
}

}  // namespace

Result open_block_device(const DeviceConfig& config) {
    StoreSettings settings{.path = config.path,
                           .geometry = {.blocks = 0, .block_size = config.block_size},
                           .capabilities = {.read_only = config.read_only},
                           .data_path = DataPath::direct,
                           .local = true,
                           .size_limit_bytes = config.size_bytes};
    struct stat named{};
    if (::stat(config.path.c_str(), &named) != 0) {
        return refused(config, open_failure(errno));
    }
    if (!S_ISBLK(named.st_mode)) {
        return refused(config, "it is no block device; a file has handler = \"file\"");
    }
    auto fd = BlockDevice::open_device(config.path, open_flags(settings));
    if (!fd) {
        return refused(config, open_failure(fd.error()));
    }
    const auto size = block_device_size(fd->get());
    if (!size) {
        return refused(config, std::strerror(size.error()));
    }
    if (*size == 0) {
        return refused(config,
                       "it holds nothing: no medium is in it, or no file is attached to it (losetup)");
    }
    const BlockSizes sizes = block_sizes_of(fd->get());
    if (sizes.logical > config.block_size) {
        return refused(config, fmt::format("its blocks have {} bytes; set block_size = {}", sizes.logical,
                                           sizes.logical));
    }
    if (*size < std::max<std::uint64_t>(config.size_bytes, config.block_size)) {
        return refused(config,
                       fmt::format("it has {} bytes, the configuration says {}; make size smaller, or leave "
                                   "it out",
                                   *size, config.size_bytes));
    }
    const QueueFacts queue = read_queue_facts(queue_directory(major(named.st_rdev), minor(named.st_rdev)));
    const Discard discard = discard_of(config, queue);
    const std::uint64_t used = config.size_bytes == 0 ? *size : config.size_bytes;
    settings.geometry.blocks = used / config.block_size;
    settings.geometry.physical_block_exponent = physical_block_exponent(config, sizes.physical);
    settings.capabilities = capabilities_of(config, queue, discard);
    settings.memory_alignment = sizes.logical;
    settings.limits = plug_limits(queue);
    return std::make_unique<BlockDevice>(std::move(settings), std::move(*fd), discard);
}

}  // namespace targe::device
