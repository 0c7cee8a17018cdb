#include "device/extent_map.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace targe::device {
namespace {

/// The kernel's struct fiemap, which ends in an array without a length, with room for some extents.
struct ExtentQuery {
    static constexpr std::uint32_t kMost = 16;

    std::uint64_t start;
    std::uint64_t length;
    std::uint32_t flags = 0;
    std::uint32_t mapped_extents = 0;
    std::uint32_t extent_count = kMost;
    std::uint32_t reserved = 0;
    std::array<fiemap_extent, kMost> extents{};
};
static_assert(offsetof(ExtentQuery, length) == offsetof(fiemap, fm_length));
static_assert(offsetof(ExtentQuery, mapped_extents) == offsetof(fiemap, fm_mapped_extents));
static_assert(offsetof(ExtentQuery, extent_count) == offsetof(fiemap, fm_extent_count));
static_assert(offsetof(ExtentQuery, extents) == sizeof(fiemap));

bool is_unwritten(const fiemap_extent& extent) {
    return (extent.fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0;
}

}  // namespace

std::expected<HoleRun, int> hole_run(int fd, std::uint64_t begin, std::uint64_t end) {
    ExtentQuery query{.start = begin, .length = end - begin};
    if (::ioctl(fd, FS_IOC_FIEMAP, &query) != 0) {
        return std::unexpected(errno == ENOTTY ? EOPNOTSUPP : errno);
    }
    HoleRun run{.end = begin, .allocated = false};
    for (std::size_t i = 0; i < std::min(query.mapped_extents, ExtentQuery::kMost) && run.end < end; ++i) {
        const fiemap_extent& extent = query.extents.at(i);
        const std::uint64_t from = extent.fe_logical;
        const std::uint64_t to = std::min<std::uint64_t>(from + extent.fe_length, end);
        if (from <= run.end && is_unwritten(extent)) {
            run = {.end = to, .allocated = true};
            continue;
        }
        if (run.end > begin) {
            return run;
        }
        // Data here was written since lseek() looked: without space of its own until somebody looks again.
        return HoleRun{.end = from <= begin ? to : std::min(from, end), .allocated = false};
    }
    return run.end > begin ? run : HoleRun{.end = end, .allocated = false};
}

Trial allocates_zeroes(int fd, std::uint64_t size) {
    constexpr std::uint64_t kLength = 4096;
    const std::uint64_t beyond = (size + kLength - 1) / kLength * kLength;
    const auto at = static_cast<off_t>(beyond);
    constexpr auto kBytes = static_cast<off_t>(kLength);
    if (::fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, at, kBytes) != 0) {
        const int error = errno;
        const bool full = error == ENOSPC || error == EDQUOT;
        return {.can = full && hole_run(fd, beyond, beyond + kLength).has_value(),
                .holds_for_others = error == EOPNOTSUPP};
    }
    const auto run = hole_run(fd, beyond, beyond + kLength);
    // Holes are not punched beyond the end; what is allocated there goes when the file is cut to its size.
    static_cast<void>(::ftruncate(fd, static_cast<off_t>(size)));
    return {.can = run && run->allocated, .holds_for_others = true};
}

}  // namespace targe::device
