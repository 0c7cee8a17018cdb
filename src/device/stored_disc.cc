// Discs that somebody writes into, or replaces, while they are in a drive.
#include "base/log.h"
#include "device/stored_device.h"

#include <algorithm>

namespace targe::device {

std::uint64_t StoredDevice::blocks_in(std::uint64_t bytes) const {
    const std::uint64_t limit = settings_.size_limit_bytes;
    return (limit == 0 ? bytes : std::min(bytes, limit)) / settings_.geometry.block_size;
}

void StoredDevice::saw(std::uint64_t content) {
    std::uint64_t nothing = 0;
    known_.compare_exchange_strong(nothing, content, std::memory_order_relaxed);
    seen_.store(content, std::memory_order_relaxed);
}

bool StoredDevice::is_another_disc() {
    if (!settings_.disc) {
        return false;
    }
    const std::uint64_t seen = seen_.load(std::memory_order_relaxed);
    if (known_.exchange(seen, std::memory_order_relaxed) == seen) {
        return false;
    }
    replaced_.store(true);
    return true;
}

bool StoredDevice::takes_back(std::uint64_t bytes) {
    if (!settings_.disc) {
        return bytes >= size_in_bytes();
    }
    const std::uint64_t seen = seen_.load(std::memory_order_relaxed);
    const std::uint64_t blocks = blocks_in(bytes);
    const bool smaller = bytes < size_in_bytes();
    if (blocks == 0 || (smaller && growing_.exchange(seen, std::memory_order_relaxed) != seen)) {
        return false;
    }
    if (is_another_disc() || smaller) {
        TARGE_LOG(info, "device", "{} is another disc now, of {} blocks", settings_.path, blocks);
        replaced_.store(true);
    }
    // Nobody reads it before initiators were told.
    blocks_.store(blocks, std::memory_order_relaxed);
    return true;
}

base::Task<void> StoredDevice::change_disc(base::CommandArena& arena) {
    const auto found = co_await find_store(arena);
    if (found && blocks_in(*found) != 0) {
        blocks_.store(blocks_in(*found), std::memory_order_relaxed);
    }
    TARGE_LOG(info, "device", "somebody has written into {}: initiators are told of another disc",
              settings_.path);
    // Whoever reads it just now may have read half of each already.
    static_cast<void>(told_of_replacement());
    telling_.store(false);
}

}  // namespace targe::device
