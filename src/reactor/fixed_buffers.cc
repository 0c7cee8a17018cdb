#include "reactor/fixed_buffers.h"

#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>

namespace targe::reactor {

void FixedBuffers::add(std::span<std::byte> memory, std::size_t buffer_size) {
    const std::size_t size = std::min(std::max(buffer_size, kSmallestGranule), memory.size());
    Region region{.memory = memory, .granule_size = size, .granules = {}};
    region.granules.reserve(memory.size() / size);
    for (std::size_t at = 0; at + size <= memory.size(); at += size) {
        region.granules.push_back({.memory = memory.subspan(at, size), .slot = {}});
    }
    free_slots_.reserve(kSlots);
    const auto after = std::ranges::upper_bound(regions_, memory.data(), std::less<>{},
                                                [](const Region& one) { return one.memory.data(); });
    regions_.insert(after, std::move(region));
}

FixedBuffers::Granule* FixedBuffers::granule_of(const void* data, std::size_t size) {
    const auto* const at = static_cast<const std::byte*>(data);
    const auto after = std::ranges::upper_bound(regions_, at, std::less<>{}, [](const Region& one) {
        return static_cast<const std::byte*>(one.memory.data());
    });
    if (after == regions_.begin()) {
        return nullptr;
    }
    Region& region = *std::prev(after);
    const auto offset = static_cast<std::size_t>(at - region.memory.data());
    const std::size_t index = offset / region.granule_size;
    if (index >= region.granules.size() || offset % region.granule_size + size > region.granule_size) {
        return nullptr;
    }
    return &region.granules[index];
}

bool FixedBuffers::enter(Granule& granule) {
    if (free_slots_.empty() && used_slots_ == kSlots) {
        granule.uses = 0;
        return false;
    }
    const bool recycled = !free_slots_.empty();
    const auto slot = recycled ? free_slots_.back() : static_cast<std::uint16_t>(used_slots_);
    const int error = registrar_.set(slot, granule.memory);
    if (error != 0) {
        refused(error);
        return false;
    }
    if (recycled) {
        free_slots_.pop_back();
    } else {
        ++used_slots_;
    }
    granule.slot = slot;
    ++entered_;
    return true;
}

void FixedBuffers::forget(const std::byte* data) {
    Granule* const granule = granule_of(data, 1);
    if (granule == nullptr || !granule->slot) {
        return;
    }
    // A slot that cannot be emptied keeps its old pages, which then are nobody's; it is not used again.
    if (registrar_.set(*granule->slot, {}) == 0) {
        free_slots_.push_back(*granule->slot);
    }
    granule->slot.reset();
    granule->uses = 0;
    --entered_;
}

void FixedBuffers::refused(int error) {
    static std::atomic<bool> told = false;
    refused_ = true;
    if (told.exchange(true)) {
        return;
    }
    TARGE_LOG(
        info, "reactor",
        "io_uring does not register buffers here ({}{}): I/O past the page cache works, and costs a "
        "little more CPU",
        std::strerror(error),
        error == ENOMEM ? "; a higher RLIMIT_MEMLOCK, LimitMEMLOCK=infinity in the systemd unit, helps" : "");
}

}  // namespace targe::reactor
