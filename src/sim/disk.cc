#include "sim/disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

SimDisk::SimDisk(World& world, Medium& medium, DiskWatch& watch, const Plan& plan, std::size_t unit,
                 std::uint64_t blocks)
    : world_(world),
      medium_(medium),
      watch_(watch),
      faults_(plan.faults),
      lends_(plan.lends),
      unit_(unit),
      blocks_(blocks),
      next_blocks_(blocks) {}

SimDisk::~SimDisk() {
    TARGE_ASSERT(writing_.empty());
}

SimDisk::Fate SimDisk::draw(std::uint64_t blocks, device::IoError error) {
    Fate fate{.first = world_.between(microseconds{1}, microseconds{400})};
    if (world_.chance(faults_.disk_slow)) {
        fate.first = world_.between(milliseconds{1}, seconds{1});
    }
    if (world_.chance(faults_.disk_hang)) {
        fate.first = world_.between(seconds{5}, seconds{60});
    }
    if (blocks > 1 && world_.below(2) == 0) {
        fate.second = world_.between(microseconds{1}, milliseconds{1});
    }
    if (world_.chance(faults_.disk_error)) {
        fate.error = world_.below(2) == 0 ? error : device::IoError::no_resources;
        fate.reach = world_.below(blocks + 1);
    }
    return fate;
}

device::IoResult SimDisk::result(const Fate& fate, std::uint64_t lba) {
    return fate.error ? device::IoResult{std::unexpected{device::IoFailure{*fate.error, lba}}}
                      : device::IoResult{};
}

base::Task<device::IoResult> SimDisk::read(base::CommandArena& /*arena*/, std::uint64_t lba,
                                           base::Segments into) {
    const std::uint64_t blocks = base::total_size(into) / kBlockSize;
    const Fate fate = draw(blocks, device::IoError::unreadable);
    // The engine asks for one piece of memory: how a list is filled is the real devices' own test.
    TARGE_ASSERT(into.size() == 1);
    const std::uint64_t half = fate.second != Duration{} ? world_.below(blocks) : 0;
    co_await Pause{world_, fate.first};
    std::memcpy(into[0].data, medium_.block(lba).data(), half * kBlockSize);
    co_await Pause{world_, fate.second};
    std::memcpy(into[0].data + half * kBlockSize, medium_.block(lba).data() + half * kBlockSize,
                (blocks - half) * kBlockSize);
    co_return result(fate, lba);
}

Stamp SimDisk::stamp_to_write(const Writing& writing, std::uint64_t block) {
    if (writing.data == nullptr) {
        return 0;
    }
    const std::span bytes{writing.data + block * kBlockSize, kBlockSize};
    if (!is_whole(bytes)) {
        watch_.mixed(unit_, writing.lba + block);
    }
    return word(bytes, 0);
}

/// Blocks are put in order here; operations overlap in any.
void SimDisk::apply(Writing& writing, std::uint64_t until) {
    for (; writing.done < std::min(until, writing.blocks) && !cut_off_; ++writing.done) {
        const std::uint64_t lba = writing.lba + writing.done;
        const Stamp before = medium_.stamp(lba);
        const Stamp stamp = stamp_to_write(writing, writing.done);
        medium_.put(lba, stamp);
        watch_.touched(unit_, lba, stamp, before);
    }
}

base::Task<device::IoResult> SimDisk::alter(base::CommandArena& /*arena*/, std::uint64_t lba,
                                            std::uint64_t blocks, const std::byte* data,
                                            device::Durability durability) {
    const Fate fate = draw(blocks, device::IoError::unwritable);
    Writing writing;
    writing.lba = lba;
    writing.blocks = blocks;
    writing.data = data;
    writing_.push_back(writing);
    const Stamp first = stamp_to_write(writing, 0);
    const bool counts = !cut_off_;
    if (counts) {
        watch_.began_write(unit_, lba, blocks, first);
    }
    co_await Pause{world_, fate.first};
    if (fate.second != Duration{}) {
        apply(writing, std::min(fate.reach, world_.below(blocks)));
        co_await Pause{world_, fate.second};
    }
    apply(writing, fate.reach);
    writing.unlink();
    if (!cut_off_ && !fate.error && durability == device::Durability::durable) {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            medium_.flush(lba + i);
        }
    }
    if (!cut_off_ && counts) {
        watch_.ended_write(unit_, first);
    }
    co_return result(fate, lba);
}

base::Task<device::IoResult> SimDisk::write(base::CommandArena& arena, std::uint64_t lba,
                                            base::ConstSegments from, device::Durability durability) {
    TARGE_ASSERT(from.size() == 1);
    const device::IoResult written =
        co_await alter(arena, lba, from[0].size / kBlockSize, from[0].data, durability);
    co_return written;
}

base::Task<device::IoResult> SimDisk::flush(base::CommandArena& /*arena*/) {
    const Fate fate = draw(0, device::IoError::unwritable);
    const std::uint64_t written = medium_.written();
    co_await Pause{world_, fate.first};
    if (!fate.error && !cut_off_) {
        medium_.flush_to(written);
    }
    co_return result(fate, 0);
}

base::Task<device::IoResult> SimDisk::unmap(base::CommandArena& arena, std::uint64_t lba,
                                            std::uint64_t blocks) {
    const device::IoResult done = co_await alter(arena, lba, blocks, nullptr, device::Durability::cached);
    co_return done;
}

base::Task<device::IoResult> SimDisk::write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                                   std::uint64_t blocks, bool /*may_unmap*/,
                                                   device::Durability durability) {
    const device::IoResult done = co_await alter(arena, lba, blocks, nullptr, durability);
    co_return done;
}

base::Task<std::expected<device::Extent, device::IoFailure>> SimDisk::block_status(
    base::CommandArena& /*arena*/, std::uint64_t lba, std::uint64_t blocks) {
    co_return device::Extent{lba, blocks, true};
}

base::Task<device::IoResult> SimDisk::refresh(base::CommandArena& /*arena*/) {
    co_await Pause{world_, world_.between(microseconds{1}, milliseconds{1})};
    blocks_ = next_blocks_;
    co_return device::IoResult{};
}

std::optional<base::ConstSegment> SimDisk::lend(std::uint64_t lba, std::uint64_t blocks) {
    if (!lends_) {
        return std::nullopt;
    }
    return base::ConstSegment{medium_.block(lba).data(), blocks * kBlockSize};
}

void SimDisk::cut_off() {
    for (Writing& writing : writing_) {
        apply(writing, world_.below(2) == 0 ? writing.done : writing.done + world_.below(writing.blocks + 1));
    }
    cut_off_ = true;
}

}  // namespace targe::sim
