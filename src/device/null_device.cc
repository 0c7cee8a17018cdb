#include "device/null_device.h"

#include <cstring>

namespace targe::device {

base::Task<IoResult> NullDevice::read(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                      base::Segments into) {
    for (const base::Segment& segment : into) {
        std::memset(segment.data, 0, segment.size);
    }
    co_return IoResult{};
}

base::Task<IoResult> NullDevice::write(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                       base::ConstSegments /*from*/, Durability /*durability*/) {
    co_return IoResult{};
}

base::Task<IoResult> NullDevice::flush(base::CommandArena& /*arena*/) {
    co_return IoResult{};
}

base::Task<IoResult> NullDevice::unmap(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                       std::uint64_t /*blocks*/) {
    co_return IoResult{};
}

base::Task<IoResult> NullDevice::write_zeroes(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                              std::uint64_t /*blocks*/, bool /*may_unmap*/,
                                              Durability /*durability*/) {
    co_return IoResult{};
}

base::Task<std::expected<Extent, IoFailure>> NullDevice::block_status(base::CommandArena& /*arena*/,
                                                                      std::uint64_t lba,
                                                                      std::uint64_t blocks) {
    co_return Extent{.lba = lba, .blocks = blocks, .mapped = false};
}

base::Task<IoResult> NullDevice::refresh(base::CommandArena& /*arena*/) {
    co_return IoResult{};
}

std::optional<base::ConstSegment> NullDevice::lend(std::uint64_t /*lba*/, std::uint64_t blocks) {
    const std::span<std::byte> zeroes = zeroes_.bytes();
    if (blocks > zeroes.size() / geometry_.block_size) {
        return std::nullopt;
    }
    return base::ConstSegment{.data = zeroes.data(), .size = blocks * geometry_.block_size};
}

}  // namespace targe::device
