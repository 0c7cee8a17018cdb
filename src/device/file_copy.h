// Copies between files that the host makes by itself.
#pragma once

#include "device/device.h"

#include <cstdint>

namespace targe::device {

struct FileRanges {
    int from;
    int to;
    std::uint64_t from_offset;
    std::uint64_t to_offset;
    std::uint64_t bytes;
};

struct FileCopy {
    CopyPath path = CopyPath::none;
    int error = 0;  ///< of CopyPath::none: ENOSPC or EDQUOT, or 0 where reading and writing may do better
};

/// Shares the space of the source where the file system can; else, if `may_move`, has the kernel move the
/// data. Blocks.
[[nodiscard]] FileCopy copy_between_files(const FileRanges& ranges, bool may_move);

}  // namespace targe::device
