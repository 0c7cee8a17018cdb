// What can be done with the space of files, found out by trying it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>

namespace targe::device {

struct FileSpace {
    bool punches_holes = false;
    bool allocates_zeroes = false;
    bool operator==(const FileSpace&) const = default;
};

/// Each trial is a change of the file system, and waits while that is busy: of a thousand files that are
/// alike, on one file system, a single one is tried. For one start; from one thread.
class SpaceTrials {
public:
    /// Of the open file, which has `size` bytes. One on a file system that is not `local` is always tried
    /// itself: there files that look alike may be kept by different servers.
    [[nodiscard]] FileSpace space_of(int fd, std::uint64_t size, bool local);
    /// How many files were tried.
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    /// The file system, and what may make one file of it another kind than the next: that an ext4 was an ext3
    /// when the file was made, encryption, the realtime part of an XFS.
    using Kind = std::tuple<dev_t, unsigned, unsigned>;

    [[nodiscard]] static Kind kind_of(int fd);

    std::map<Kind, FileSpace> known_;
    std::size_t count_ = 0;
};

}  // namespace targe::device
