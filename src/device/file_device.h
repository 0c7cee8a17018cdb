// A disk in a file.
#pragma once

#include "device/stored_device.h"

#include <sys/stat.h>

namespace targe::device {

class FileDevice final : public StoredDevice {
public:
    FileDevice(StoreSettings settings, reactor::FileDescriptor fd);

    base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena, std::uint64_t lba,
                                                              std::uint64_t blocks) override;
    base::Task<IoResult> anchor(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<std::expected<Fill, IoFailure>> fill(base::CommandArena& arena) override;
    base::Task<std::expected<CopyPath, IoFailure>> copy_from(base::CommandArena& arena, std::uint64_t lba,
                                                             Device& source, std::uint64_t source_lba,
                                                             std::uint64_t bytes,
                                                             Durability durability) override;

    /// Opens a regular file and makes it this process's own: another one that serves it is told EWOULDBLOCK.
    [[nodiscard]] static std::expected<reactor::FileDescriptor, int> open_file(const std::string& path,
                                                                               int flags);

protected:
    [[nodiscard]] std::expected<std::uint64_t, int> look_again() override;
    base::Task<bool> intact(base::CommandArena& arena, std::uint64_t bytes) override;

private:
    /// Whether the path names another file, while what is open may live on by another name.
    base::Task<bool> leads_elsewhere(base::CommandArena& arena);
    [[nodiscard]] std::expected<Extent, int> extent_at(std::uint64_t lba, std::uint64_t blocks) const;
    [[nodiscard]] Extent hole_extent(std::uint64_t lba, std::uint64_t blocks) const;
};

/// Flags of open(2) for a store with these settings. They keep open() from waiting, for a pipe that has the
/// name of a file, say; wait_for_io() undoes that.
[[nodiscard]] int open_flags(const StoreSettings& settings);
/// Clears O_NONBLOCK: the ring may give up instead of waiting where that is set.
void wait_for_io(int fd);

}  // namespace targe::device
