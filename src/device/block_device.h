// A disk that the kernel already has.
#pragma once

#include "device/stored_device.h"

namespace targe::device {

/// How the kernel's device gives space back.
enum class Discard : std::uint8_t {
    none,
    zeroing,  ///< hole punching: the blocks read as zeroes afterwards
    plain,    ///< BLKDISCARD: nothing is promised about their content
};

class BlockDevice final : public StoredDevice {
public:
    BlockDevice(StoreSettings settings, reactor::FileDescriptor fd, Discard discard)
        : StoredDevice(std::move(settings), std::move(fd)), discard_(discard) {}

    base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena, std::uint64_t lba,
                                                              std::uint64_t blocks) override;

    /// Opens a block device for this process alone: one that is mounted, or served by another, is EBUSY.
    [[nodiscard]] static std::expected<reactor::FileDescriptor, int> open_device(const std::string& path,
                                                                                 int flags);

protected:
    [[nodiscard]] std::expected<std::uint64_t, int> look_again() override;
    base::Task<bool> intact(base::CommandArena& arena, std::uint64_t bytes) override;

private:
    Discard discard_;
};

/// Bytes of the open block device, or an errno. Does not block.
[[nodiscard]] std::expected<std::uint64_t, int> block_device_size(int fd);

}  // namespace targe::device
