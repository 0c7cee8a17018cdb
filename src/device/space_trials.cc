#include "device/space_trials.h"

#include "device/extent_map.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

namespace targe::device {
namespace {

/// Tries it beyond the end of the file, where it changes nothing.
Trial punches_holes(int fd, std::uint64_t size) {
    constexpr off_t kLength = 4096;
    const auto beyond = static_cast<off_t>((size + kLength - 1) / kLength * kLength);
    if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, beyond, kLength) == 0) {
        return {.can = true, .holds_for_others = true};
    }
    return {.can = false, .holds_for_others = errno == EOPNOTSUPP};
}

}  // namespace

SpaceTrials::Kind SpaceTrials::kind_of(int fd) {
    struct stat about{};
    static_cast<void>(::fstat(fd, &about));
    unsigned flags = 0;
    fsxattr more{};
    // A file system that does not know them has files of one kind.
    static_cast<void>(::ioctl(fd, FS_IOC_GETFLAGS, &flags));
    static_cast<void>(::ioctl(fd, FS_IOC_FSGETXATTR, &more));
    return {about.st_dev, flags, more.fsx_xflags};
}

FileSpace SpaceTrials::space_of(int fd, std::uint64_t size, bool local) {
    const Kind kind = kind_of(fd);
    if (const auto known = known_.find(kind); local && known != known_.end()) {
        return known->second;
    }
    ++count_;
    const Trial holes = punches_holes(fd, size);
    const Trial zeroes =
        holes.can ? allocates_zeroes(fd, size) : Trial{.can = false, .holds_for_others = true};
    const FileSpace found{.punches_holes = holes.can, .allocates_zeroes = zeroes.can};
    if (holes.holds_for_others && zeroes.holds_for_others) {
        known_.emplace(kind, found);
    }
    return found;
}

}  // namespace targe::device
