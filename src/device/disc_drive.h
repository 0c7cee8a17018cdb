// A drive whose disc is changed while it serves.
#pragma once

#include "device/device.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

namespace targe::device {

/// Reads go to the disc that is in it when they begin; the disc lives as long as one of them. Nothing can be
/// written. Without a disc geometry() has no blocks, and whatever is asked fails with IoError::gone.
class DiscDrive final : public Device {
public:
    /// In bytes, of every disc.
    static constexpr std::uint32_t kBlockSize = 2048;
    /// As many as the 32 bits of a CDB name.
    static constexpr std::uint64_t kMostBlocks = std::numeric_limits<std::uint32_t>::max();

    /// `disc` is null, or a device of such blocks.
    explicit DiscDrive(std::shared_ptr<Device> disc) : disc_(std::move(disc)) {}

    /// Puts `disc` in the place of what is there; null takes that out. No operation has begun that has not
    /// ended, but refresh() and probe(), which end with the old one.
    void exchange(std::shared_ptr<Device> disc);

    [[nodiscard]] Geometry geometry() const override;
    [[nodiscard]] Capabilities capabilities() const override;
    base::Task<IoResult> read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) override;
    base::Task<IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                               Durability durability) override;
    base::Task<IoResult> flush(base::CommandArena& arena) override;
    base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                      bool may_unmap, Durability durability) override;
    base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena, std::uint64_t lba,
                                                              std::uint64_t blocks) override;
    base::Task<IoResult> probe(base::CommandArena& arena) override;
    base::Task<IoResult> refresh(base::CommandArena& arena) override;
    void observe(DeviceObserver* observer) override;
    void stop() override { observe(nullptr); }
    [[nodiscard]] bool away() const override;
    [[nodiscard]] std::optional<IoResult> read_at_once(std::uint64_t lba, base::Segment into) override;

private:
    [[nodiscard]] std::shared_ptr<Device> disc() const;

    mutable std::mutex mutex_;  // held for the copy of a pointer, by any thread
    std::shared_ptr<Device> disc_;
    DeviceObserver* observer_ = nullptr;  ///< of whatever disc is in it
};

}  // namespace targe::device
