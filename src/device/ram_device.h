// A disk in memory.
#pragma once

#include "device/device.h"
#include "device/mapping.h"
#include "device/written_pages.h"

namespace targe::device {

/// Serves reads by lending its memory. Takes pages when they are written and gives them back when they are
/// unmapped.
class RamDevice final : public Device {
public:
    static constexpr std::size_t kPageSize = 4096;

    /// `memory` is at least as long as `geometry` says, in whole pages.
    RamDevice(const Geometry& geometry, const Capabilities& capabilities, Mapping memory);

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
    base::Task<std::expected<Fill, IoFailure>> fill(base::CommandArena& arena) override;
    base::Task<IoResult> refresh(base::CommandArena& arena) override;
    [[nodiscard]] std::optional<base::ConstSegment> lend(std::uint64_t lba, std::uint64_t blocks) override;
    [[nodiscard]] std::optional<IoResult> write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                        Durability durability) override;

private:
    /// Bytes, as offsets into memory_.
    struct Range {
        std::size_t begin;
        std::size_t end;
    };
    [[nodiscard]] Range bytes_of(std::uint64_t lba, std::uint64_t blocks) const;
    /// Data of an initiator, at this offset. On a large disk they will have left the caches before somebody
    /// asks for them, so they are not brought there.
    void put(std::size_t at, const std::byte* from, std::size_t size);
    void mark(Range range);
    void fill_with_zeroes(Range range);
    /// Gives back the whole pages inside, which then read as zeroes. Returns them.
    Range unmap_pages(Range range);

    Geometry geometry_;
    Capabilities capabilities_;
    Mapping memory_;
    WrittenPages written_;
};

}  // namespace targe::device
