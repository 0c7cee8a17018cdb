// What a file system says of the space of a file beyond what is data and what is not.
#pragma once

#include <cstdint>
#include <expected>

namespace targe::device {

/// The beginning of a hole, as far as all of it has space of its own, allocated and never written, or none.
struct HoleRun {
    std::uint64_t end;
    bool allocated;
    bool operator==(const HoleRun&) const = default;
};

/// Of the bytes from `begin` to `end`, in which lseek(2) has found no data; at least one byte. Or an errno:
/// EOPNOTSUPP where the file system does not tell.
[[nodiscard]] std::expected<HoleRun, int> hole_run(int fd, std::uint64_t begin, std::uint64_t end);

/// What trying something with one file has shown, and whether that holds for all files like it.
struct Trial {
    bool can;
    bool holds_for_others;
};

/// Whether zeroes can be allocated in the open file, and are seen to be afterwards. Tries it beyond `size`,
/// the file's end, where it changes nothing. On a file system that is full it cannot be tried, and is
/// believed of one that tells of its extents.
[[nodiscard]] Trial allocates_zeroes(int fd, std::uint64_t size);

}  // namespace targe::device
