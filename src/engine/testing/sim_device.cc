#include "engine/testing/sim_device.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::engine::testing {

SimDevice::SimDevice(World& world, std::uint64_t blocks, std::uint32_t block_size)
    : world_(world),
      geometry_{.blocks = blocks, .block_size = block_size},
      next_blocks_(blocks),
      data_(blocks * block_size),
      mapped_(blocks),
      anchored_(blocks) {}

void SimDevice::suspend(std::coroutine_handle<> self) {
    base::Core& core = world_.current();
    if (pace == Pace::by_seed) {
        world_.later(core, [self] { self.resume(); });
        return;
    }
    waiting_.push_back({&core, self});
}

void SimDevice::complete_one() {
    TARGE_ASSERT(!waiting_.empty());
    const Waiting first = waiting_.front();
    waiting_.erase(waiting_.begin());
    world_.as(*first.core, [&] { first.handle.resume(); });
}

device::IoResult SimDevice::ended(std::uint64_t lba) {
    if (fail) {
        return std::unexpected{device::IoFailure{*std::exchange(fail, std::nullopt), lba}};
    }
    return {};
}

device::IoResult SimDevice::ended(std::uint64_t lba, std::uint64_t bytes) {
    if (lba * geometry_.block_size + bytes > data_.size()) {
        return std::unexpected{device::IoFailure{device::IoError::gone, lba}};  // it has shrunk meanwhile
    }
    return ended(lba);
}

void SimDevice::touched(std::uint64_t& counter) {
    ++counter;
    if (on_write) {
        on_write();
    }
}

base::Task<device::IoResult> SimDevice::read(base::CommandArena& /*arena*/, std::uint64_t lba,
                                             base::Segments into) {
    ++reads;
    co_await Wait{*this};
    const device::IoResult result = ended(lba, base::total_size(into));
    if (result) {
        const std::byte* from = data_.data() + lba * geometry_.block_size;
        for (const base::Segment& segment : into) {
            std::memcpy(segment.data, from, segment.size);
            from += segment.size;
        }
    }
    co_return result;
}

base::Task<device::IoResult> SimDevice::write(base::CommandArena& /*arena*/, std::uint64_t lba,
                                              base::ConstSegments from, device::Durability durability) {
    touched(writes_begun);
    co_await Wait{*this};
    co_return write_now(lba, from, durability);
}

std::optional<device::IoResult> SimDevice::write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                         device::Durability durability) {
    if (!writes_at_once || durability == device::Durability::durable) {
        return std::nullopt;
    }
    touched(writes_begun);
    ++written_at_once;
    return write_now(lba, {&from, 1}, durability);
}

device::IoResult SimDevice::write_now(std::uint64_t lba, base::ConstSegments from,
                                      device::Durability durability) {
    touched(writes_ended);
    durable_writes += durability == device::Durability::durable ? 1 : 0;
    device::IoResult result = ended(lba, base::total_size(from));
    if (result && fails) {
        result = std::unexpected{device::IoFailure{*fails, lba}};
    }
    put(lba, from, result ? base::total_size(from) : torn_bytes);
    if (result) {
        const std::uint64_t blocks = base::total_size(from) / geometry_.block_size;
        std::fill_n(mapped_.begin() + static_cast<std::ptrdiff_t>(lba), blocks, true);
    }
    return result;
}

void SimDevice::put(std::uint64_t lba, base::ConstSegments from, std::uint64_t bytes) {
    std::byte* to = data_.data() + lba * geometry_.block_size;
    for (const base::ConstSegment& segment : from) {
        const std::size_t now = std::min<std::uint64_t>(segment.size, bytes);
        std::memcpy(to, segment.data, now);
        to += now;
        bytes -= now;
    }
}

base::Task<std::expected<device::CopyPath, device::IoFailure>> SimDevice::copy_from(
    base::CommandArena& /*arena*/, std::uint64_t lba, Device& source, std::uint64_t source_lba,
    std::uint64_t bytes, device::Durability durability) {
    ++copies_asked;
    if (!copies) {
        co_return device::CopyPath::none;
    }
    auto& from = static_cast<SimDevice&>(source);
    touched(writes_begun);
    co_await Wait{*this};
    touched(writes_ended);
    durable_writes += durability == device::Durability::durable ? 1 : 0;
    const device::IoResult result = ended(lba, bytes);
    if (!result) {
        co_return std::unexpected{result.error()};
    }
    std::memcpy(data_.data() + lba * geometry_.block_size,
                from.data_.data() + source_lba * from.geometry_.block_size, bytes);
    std::fill_n(mapped_.begin() + static_cast<std::ptrdiff_t>(lba), bytes / geometry_.block_size, true);
    co_return device::CopyPath::cloned;
}

base::Task<device::IoResult> SimDevice::flush(base::CommandArena& /*arena*/) {
    ++flushes;
    co_await Wait{*this};
    co_return ended(0);
}

base::Task<device::IoResult> SimDevice::unmap(base::CommandArena& arena, std::uint64_t lba,
                                              std::uint64_t blocks) {
    const device::IoResult result =
        co_await write_zeroes(arena, lba, blocks, true, device::Durability::cached);
    co_return result;
}

base::Task<device::IoResult> SimDevice::write_zeroes(base::CommandArena& /*arena*/, std::uint64_t lba,
                                                     std::uint64_t blocks, bool may_unmap,
                                                     device::Durability /*durability*/) {
    touched(writes_begun);
    co_await Wait{*this};
    touched(writes_ended);
    const device::IoResult result = ended(lba, blocks * geometry_.block_size);
    if (result) {
        std::memset(data_.data() + lba * geometry_.block_size, 0, blocks * geometry_.block_size);
        std::fill_n(mapped_.begin() + static_cast<std::ptrdiff_t>(lba), blocks, !may_unmap);
        std::fill_n(anchored_.begin() + static_cast<std::ptrdiff_t>(lba), blocks, false);
    }
    co_return result;
}

base::Task<std::expected<device::Extent, device::IoFailure>> SimDevice::block_status(
    base::CommandArena& /*arena*/, std::uint64_t lba, std::uint64_t blocks) {
    co_await Wait{*this};
    const bool mapped = mapped_[lba];
    std::uint64_t run = 0;
    const bool anchored = !mapped && anchored_[lba];
    while (run < blocks && mapped_[lba + run] == mapped && (mapped || anchored_[lba + run] == anchored)) {
        ++run;
    }
    co_return device::Extent{lba, run, mapped, anchored};
}

base::Task<device::IoResult> SimDevice::anchor(base::CommandArena& arena, std::uint64_t lba,
                                               std::uint64_t blocks) {
    const device::IoResult result =
        co_await write_zeroes(arena, lba, blocks, true, device::Durability::cached);
    if (result) {
        std::fill_n(anchored_.begin() + static_cast<std::ptrdiff_t>(lba), blocks, true);
    }
    co_return result;
}

base::Task<std::expected<device::Fill, device::IoFailure>> SimDevice::fill(base::CommandArena& /*arena*/) {
    ++fills;
    co_return filled;
}

base::Task<device::IoResult> SimDevice::probe(base::CommandArena& /*arena*/) {
    co_return away ? device::IoResult{std::unexpected{device::IoFailure{device::IoError::gone, 0}}}
                   : device::IoResult{};
}

base::Task<device::IoResult> SimDevice::refresh(base::CommandArena& /*arena*/) {
    co_await Wait{*this};
    geometry_.blocks = next_blocks_;
    data_.resize(next_blocks_ * geometry_.block_size);
    mapped_.resize(next_blocks_);
    anchored_.resize(next_blocks_);
    co_return ended(0);
}

std::optional<base::Pages> SimDevice::lend_pages(std::uint64_t lba, std::uint64_t bytes) {
    if (!lends_pages) {
        return std::nullopt;
    }
    ++pages_lent;
    return base::Pages(pipes_, {.pipe = static_cast<int>(lba), .size = bytes});
}

std::optional<base::ConstSegment> SimDevice::lend(std::uint64_t lba, std::uint64_t blocks) {
    if (!lends) {
        return std::nullopt;
    }
    return base::ConstSegment{data_.data() + lba * geometry_.block_size, blocks * geometry_.block_size};
}

}  // namespace targe::engine::testing
