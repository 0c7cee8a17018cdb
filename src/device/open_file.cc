#include "base/log.h"
#include "base/open_files.h"
#include "device/disc_drive.h"
#include "device/file_device.h"
#include "device/open_store.h"
#include "device/queue_facts.h"
#include "device/space_trials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>

namespace targe::device {
namespace {

using Result = std::expected<std::unique_ptr<Device>, OpenError>;

std::unexpected<OpenError> refused(const DeviceConfig& config, const std::string& why) {
    return std::unexpected(OpenError{fmt::format("cannot serve the file {}: {}", config.path, why)});
}

std::string open_failure(const DeviceConfig& config, int error) {
    switch (error) {
        case ENOENT:
            if (!config.create) {
                return "it does not exist";
            }
            return !config.read_only && config.size_bytes != 0
                       ? "its directory does not exist; create it"
                       : "it does not exist; create it, or let the device create it by giving a size";
        case EACCES:
        case EPERM:
            return !config.read_only && ::access(config.path.c_str(), R_OK) == 0
                       ? "it may be read but not written; give the user that targed runs as leave to "
                         "write it, or set read_only = true"
                       : "permission denied; give the user that targed runs as access to it";
        case EISDIR:
            return "it is a directory; name a file in it";
        case EROFS:
            return "its file system is read-only; remount it, or set read_only = true";
        case EINVAL:
            return "its file system does not take O_DIRECT; set direct = false";
        case EMFILE:
        case ENFILE:
            return fmt::format("there are too many open files; {}", base::allow_more_open_files(error));
        case EWOULDBLOCK:
            return "another program, or another device here, serves it already; stop that one first";
        default:
            return std::strerror(error);
    }
}

/// Whether reads leave the file's times alone, which the kernel grants to its owner: who is also told which
/// of its pages are in memory.
bool leaves_no_trace(int fd) {
    return (::fcntl(fd, F_GETFL) & O_NOATIME) != 0;
}

struct FileSystem {
    bool in_memory;
    bool local;
    // See StoreSettings.
    bool writes_need_not_wait;
    bool splices_without_waiting;
};

FileSystem file_system_of(int fd) {
    // That <linux/magic.h> does not name.
    constexpr unsigned long kZfs = 0x2fc1'2fc1;
    constexpr unsigned long kBcachefs = 0xca45'1a4e;
    constexpr auto kLocal =
        std::to_array<unsigned long>({EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                      TMPFS_MAGIC, RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, kZfs, kBcachefs});
    struct statfs about{};
    if (::fstatfs(fd, &about) != 0) {
        return {};
    }
    const auto type = static_cast<unsigned long>(about.f_type);
    return {
        .in_memory = type == TMPFS_MAGIC || type == RAMFS_MAGIC,
        .local = std::ranges::find(kLocal, type) != kLocal.end(),
        .writes_need_not_wait = type == XFS_SUPER_MAGIC,
        .splices_without_waiting = (type == EXT4_SUPER_MAGIC || type == TMPFS_MAGIC) && leaves_no_trace(fd)};
}

/// What O_DIRECT asks of this file.
struct DirectAlignment {
    std::size_t memory;
    std::size_t offset;
};

/// Asks the kernel; one that does not say is tried with a read of one block, and if it refuses that, 4096 is
/// enough everywhere.
DirectAlignment direct_alignment(int fd, std::size_t block_size) {
    struct statx about{};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &about) == 0 &&
        (about.stx_mask & STATX_DIOALIGN) != 0 && about.stx_dio_mem_align != 0) {
        return {.memory = about.stx_dio_mem_align, .offset = about.stx_dio_offset_align};
    }
    constexpr std::size_t kPage = 4096;
    alignas(kPage) std::array<std::byte, 2 * kPage> memory{};
    const ssize_t n = ::pread(fd, memory.data() + block_size, block_size, 0);
    return n < 0 ? DirectAlignment{.memory = kPage, .offset = kPage}
                 : DirectAlignment{.memory = block_size, .offset = block_size};
}

/// Of the disk under the file system; where that has none of its own, cautious ones.
reactor::PlugLimits file_limits(int fd) {
    struct stat about{};
    if (::fstat(fd, &about) != 0) {
        return {};
    }
    return plug_limits(read_queue_facts(queue_directory(major(about.st_dev), minor(about.st_dev))));
}

/// The size that the file has in the end, grown or made when that was asked for; or why not.
std::expected<std::uint64_t, std::string> settle_size(const DeviceConfig& config, int fd) {
    struct stat about{};
    if (::fstat(fd, &about) != 0) {
        return std::unexpected(std::string(std::strerror(errno)));
    }
    if (!S_ISREG(about.st_mode)) {
        return std::unexpected(std::string("it is no regular file; a block device has handler = \"block\""));
    }
    const auto size = static_cast<std::uint64_t>(about.st_size);
    if (config.size_bytes == 0 || size == config.size_bytes) {
        return size;
    }
    if (size > config.size_bytes) {
        // It was grown, as an administrator may: to be refused for that after a restart would come unawares.
        TARGE_LOG(
            warning, "device",
            "{} has {} bytes and is served whole, though its size in the configuration is {}: nothing is "
            "cut off; set size to what the file has, or leave it out",
            config.path, size, config.size_bytes);
        return size;
    }
    if (!config.create || config.read_only) {
        return std::unexpected(fmt::format(
            "it has {} bytes, the configuration says {}, and it may not be grown", size, config.size_bytes));
    }
    if (::ftruncate(fd, static_cast<off_t>(config.size_bytes)) != 0) {
        return std::unexpected(fmt::format("it cannot be grown to {} bytes: {}{}", config.size_bytes,
                                           std::strerror(errno),
                                           errno == EFBIG ? "; its file system, or ulimit -f, allows no file "
                                                            "so large: make size smaller"
                                                          : ""));
    }
    return config.size_bytes;
}

/// What is no whole block may be a copy that was not finished; what there is of it may be what is wanted.
void warn_of_rest(const DeviceConfig& config, std::uint64_t size) {
    if (const std::uint64_t rest = size % config.block_size; rest != 0) {
        TARGE_LOG(warning, "device",
                  "{} has {} bytes, which is no multiple of {}: the last {} cannot be read; was it copied to "
                  "its end?",
                  config.path, size, config.block_size, rest);
    }
}

StoreSettings settings_of(const DeviceConfig& config, int fd, std::uint64_t size, SpaceTrials& trials) {
    struct stat about{};
    static_cast<void>(::fstat(fd, &about));
    const FileSystem system = file_system_of(fd);
    constexpr blksize_t kSmallestGranule = 4096;
    const auto granule = static_cast<std::uint32_t>(std::max(about.st_blksize, kSmallestGranule));
    const FileSpace space =
        config.thin && !config.read_only ? trials.space_of(fd, size, system.local) : FileSpace{};
    return {.path = config.path,
            .geometry = {.blocks = size / config.block_size,
                         .block_size = config.block_size,
                         .physical_block_exponent = physical_block_exponent(config, 0)},
            .capabilities = {.read_only = config.read_only,
                             .volatile_cache = true,
                             .unmap = space.punches_holes,
                             .unmapped_reads_zero = true,
                             .block_status = true,
                             .anchor = space.allocates_zeroes,
                             .fill = true,
                             .rotational = config.rotational.value_or(false),
                             .unmap_granularity_blocks = granule / config.block_size},
            .data_path = config.direct      ? DataPath::direct
                         : system.in_memory ? DataPath::memory
                                            : DataPath::page_cache,
            .local = system.local,
            .writes_need_not_wait = system.writes_need_not_wait,
            .splices_without_waiting = system.splices_without_waiting && !config.direct};
}

}  // namespace

Result open_file_device(const DeviceConfig& config, SpaceTrials& trials, FileUse use) {
    const bool may_create = config.create && !config.read_only && config.size_bytes != 0;
    const StoreSettings wanted{.path = config.path,
                               .geometry = {},
                               .capabilities = {.read_only = config.read_only},
                               .data_path = config.direct ? DataPath::direct : DataPath::page_cache};
    auto fd = FileDevice::open_file(config.path, open_flags(wanted) | (may_create ? O_CREAT : 0));
    if (!fd) {
        return refused(config, open_failure(config, fd.error()));
    }
    const auto size = settle_size(config, fd->get());
    if (!size) {
        return refused(config, size.error());
    }
    if (*size < config.block_size) {
        return refused(config,
                       config.create ? "it holds not one block; give a size" : "it holds not one block");
    }
    warn_of_rest(config, *size);
    StoreSettings settings = settings_of(config, fd->get(), *size, trials);
    if (use == FileUse::disc) {
        settings.disc = true;
        settings.size_limit_bytes = DiscDrive::kMostBlocks * DiscDrive::kBlockSize;
    }
    if (config.direct) {
        const DirectAlignment alignment = direct_alignment(fd->get(), config.block_size);
        if (alignment.offset > config.block_size) {
            return refused(config,
                           fmt::format("O_DIRECT there works in pieces of {} bytes; set block_size = {}, "
                                       "or direct = false",
                                       alignment.offset, alignment.offset));
        }
        settings.memory_alignment = alignment.memory;
        settings.limits = file_limits(fd->get());
    }
    return std::make_unique<FileDevice>(std::move(settings), std::move(*fd));
}

void make_new_files_durable(std::span<const DeviceConfig> configs) {
    std::set<std::string> directories;
    for (const DeviceConfig& config : configs) {
        if (config.handler == Handler::file) {
            const std::size_t slash = config.path.rfind('/');
            directories.insert(slash == std::string::npos ? "." : config.path.substr(0, slash + 1));
        }
    }
    for (const std::string& directory : directories) {
        const reactor::FileDescriptor opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (opened) {
            static_cast<void>(::fsync(opened.get()));
        }
    }
}

}  // namespace targe::device
