#include "device/file_copy.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace targe::device {
namespace {

bool is_full(int error) {
    return error == ENOSPC || error == EDQUOT;
}

/// 0 or an errno.
int clone(const FileRanges& ranges) {
    file_clone_range request{.src_fd = ranges.from,
                             .src_offset = ranges.from_offset,
                             .src_length = ranges.bytes,
                             .dest_offset = ranges.to_offset};
    return ::ioctl(ranges.to, FICLONERANGE, &request) == 0 ? 0 : errno;
}

int move(const FileRanges& ranges) {
    auto from = static_cast<off_t>(ranges.from_offset);
    auto to = static_cast<off_t>(ranges.to_offset);
    for (std::uint64_t left = ranges.bytes; left > 0;) {
        const ssize_t n = ::copy_file_range(ranges.from, &from, ranges.to, &to, left, 0);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            return ENODATA;  // the source ends too early
        }
        left -= n > 0 ? static_cast<std::uint64_t>(n) : 0;
    }
    return 0;
}

}  // namespace

FileCopy copy_between_files(const FileRanges& ranges, bool may_move) {
    int error = clone(ranges);
    if (error == 0) {
        return {.path = CopyPath::cloned};
    }
    if (may_move && !is_full(error)) {
        error = move(ranges);
        if (error == 0) {
            return {.path = CopyPath::copied};
        }
    }
    return {.path = CopyPath::none, .error = is_full(error) ? error : 0};
}

}  // namespace targe::device
