#include "device/ram_device.h"

#include "base/copy_past_caches.h"
#include "reactor/large_turn.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace targe::device {

namespace {

/// The last caches of today's processors hold this much and more, but seldom for one core.
constexpr std::size_t kMoreThanCachesHold = std::size_t{64} << 20U;

}  // namespace

RamDevice::RamDevice(const Geometry& geometry, const Capabilities& capabilities, Mapping memory)
    : geometry_(geometry),
      capabilities_(capabilities),
      memory_(std::move(memory)),
      written_(memory_.bytes().size() / kPageSize) {}

RamDevice::Range RamDevice::bytes_of(std::uint64_t lba, std::uint64_t blocks) const {
    return {.begin = lba * geometry_.block_size, .end = (lba + blocks) * geometry_.block_size};
}

void RamDevice::put(std::size_t at, const std::byte* from, std::size_t size) {
    std::byte* const to = memory_.bytes().data() + at;
    if (memory_.bytes().size() > kMoreThanCachesHold) {
        base::copy_past_caches(to, from, size);
    } else {
        std::memcpy(to, from, size);
    }
}

void RamDevice::mark(Range range) {
    written_.mark(range.begin / kPageSize, (range.end + kPageSize - 1) / kPageSize);
}

void RamDevice::fill_with_zeroes(Range range) {
    if (range.begin < range.end) {
        std::memset(memory_.bytes().data() + range.begin, 0, range.end - range.begin);
        mark(range);
    }
}

RamDevice::Range RamDevice::unmap_pages(Range range) {
    const std::size_t first = (range.begin + kPageSize - 1) / kPageSize;
    const std::size_t end = range.end / kPageSize;
    if (first >= end) {
        return {.begin = range.begin, .end = range.begin};
    }
    written_.clear(first, end);
    std::byte* const from = memory_.bytes().data() + first * kPageSize;
    if (::madvise(from, (end - first) * kPageSize, MADV_DONTNEED) != 0) {
        // Locked memory cannot be given back, but must read as zeroes all the same.
        std::memset(from, 0, (end - first) * kPageSize);
    }
    return {.begin = first * kPageSize, .end = end * kPageSize};
}

base::Task<IoResult> RamDevice::read(base::CommandArena& /*arena*/, std::uint64_t lba, base::Segments into) {
    const std::byte* from = memory_.bytes().data() + lba * geometry_.block_size;
    for (const base::Segment& segment : into) {
        std::memcpy(segment.data, from, segment.size);
        from += segment.size;
    }
    co_return IoResult{};
}

base::Task<IoResult> RamDevice::write(base::CommandArena& /*arena*/, std::uint64_t lba,
                                      base::ConstSegments from, Durability /*durability*/) {
    const std::size_t begin = lba * geometry_.block_size;
    std::size_t at = begin;
    for (const base::ConstSegment& segment : from) {
        for (std::size_t done = 0; done < segment.size;) {
            co_await reactor::LargeTurn();
            const std::size_t size = std::min(reactor::kLargePiece, segment.size - done);
            put(at, segment.data + done, size);
            at += size;
            done += size;
        }
    }
    mark({.begin = begin, .end = at});
    co_return IoResult{};
}

std::optional<IoResult> RamDevice::write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                 Durability /*durability*/) {
    if (reactor::takes_turns(from.size)) {
        return std::nullopt;
    }
    const std::size_t begin = lba * geometry_.block_size;
    put(begin, from.data, from.size);
    mark({.begin = begin, .end = begin + from.size});
    return IoResult{};
}

base::Task<IoResult> RamDevice::flush(base::CommandArena& /*arena*/) {
    co_return IoResult{};
}

base::Task<IoResult> RamDevice::unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    co_return co_await write_zeroes(arena, lba, blocks, true, Durability::cached);
}

base::Task<IoResult> RamDevice::write_zeroes(base::CommandArena& /*arena*/, std::uint64_t lba,
                                             std::uint64_t blocks, bool may_unmap,
                                             Durability /*durability*/) {
    const Range all = bytes_of(lba, blocks);
    const Range given =
        may_unmap && capabilities_.unmap ? unmap_pages(all) : Range{.begin = all.begin, .end = all.begin};
    fill_with_zeroes({.begin = all.begin, .end = given.begin});
    fill_with_zeroes({.begin = given.end, .end = all.end});
    co_return IoResult{};
}

base::Task<std::expected<Extent, IoFailure>> RamDevice::block_status(base::CommandArena& /*arena*/,
                                                                     std::uint64_t lba,
                                                                     std::uint64_t blocks) {
    const Range range = bytes_of(lba, blocks);
    const std::uint64_t first = range.begin / kPageSize;
    const std::uint64_t end = (range.end + kPageSize - 1) / kPageSize;
    const std::size_t run_end = std::min(written_.run_end(first, end) * kPageSize, range.end);
    co_return Extent{.lba = lba,
                     .blocks = (run_end - range.begin) / geometry_.block_size,
                     .mapped = written_.written(first)};
}

base::Task<std::expected<Fill, IoFailure>> RamDevice::fill(base::CommandArena& /*arena*/) {
    const std::uint64_t used = written_.count() * kPageSize;
    co_return Fill{.used_bytes = used,
                   .available_bytes = memory_.bytes().size() - std::min(used, memory_.bytes().size()),
                   .shared = false};
}

base::Task<IoResult> RamDevice::refresh(base::CommandArena& /*arena*/) {
    co_return IoResult{};
}

std::optional<base::ConstSegment> RamDevice::lend(std::uint64_t lba, std::uint64_t blocks) {
    const Range range = bytes_of(lba, blocks);
    return base::ConstSegment{.data = memory_.bytes().data() + range.begin, .size = range.end - range.begin};
}

}  // namespace targe::device
