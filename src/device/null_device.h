// A store without memory: reads are zeroes, writes are forgotten.
#pragma once

#include "device/device.h"
#include "device/mapping.h"

namespace targe::device {

/// For measuring everything but the storage.
class NullDevice final : public Device {
public:
    /// `zeroes` is read-only memory that reads as zeroes; lent out.
    NullDevice(const Geometry& geometry, const Capabilities& capabilities, Mapping zeroes)
        : geometry_(geometry), capabilities_(capabilities), zeroes_(std::move(zeroes)) {
        capabilities_.lends_what_never_changes = true;
    }

    [[nodiscard]] Geometry geometry() const override { return geometry_; }
    [[nodiscard]] Capabilities capabilities() const override { return capabilities_; }
    base::Task<IoResult> read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) override;
    base::Task<IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                               Durability durability) override;
    base::Task<IoResult> flush(base::CommandArena& arena) override;
    base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                      bool may_unmap, Durability durability) override;
    base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena, std::uint64_t lba,
                                                              std::uint64_t blocks) override;
    base::Task<IoResult> refresh(base::CommandArena& arena) override;
    [[nodiscard]] std::optional<base::ConstSegment> lend(std::uint64_t lba, std::uint64_t blocks) override;
    [[nodiscard]] std::optional<IoResult> write_at_once(std::uint64_t /*lba*/, base::ConstSegment /*from*/,
                                                        Durability /*durability*/) override {
        return IoResult{};
    }

private:
    Geometry geometry_;
    Capabilities capabilities_;
    Mapping zeroes_;
};

}  // namespace targe::device
