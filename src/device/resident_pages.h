// Which pages of a file are in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace targe::device {

/// Addresses for all of a file, which are never looked at: mincore() wants to know of addresses. From any
/// thread, and at once.
class ResidentPages {
public:
    /// Of nothing.
    ResidentPages() = default;
    /// The first `size` bytes. Only the owner of the file, or who may write it, is told the truth. Nothing is
    /// resident when there are no addresses for it.
    ResidentPages(int file, std::uint64_t size);
    ResidentPages(const ResidentPages&) = delete;
    ResidentPages& operator=(const ResidentPages&) = delete;
    ~ResidentPages();

    /// Whether all of the range was in memory, and needed no I/O, just now.
    [[nodiscard]] bool hold(std::uint64_t offset, std::size_t size) const;
    /// Asks of `file` from now on, and keeps nothing of the file before; of nothing when it is on another
    /// file system. The size stays.
    void follow(int file);

private:
    std::span<std::byte> addresses_;
    std::uint64_t file_system_ = 0;
};

}  // namespace targe::device
