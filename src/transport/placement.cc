#include "transport/placement.h"

#include "base/assert.h"

#include <cstdint>

namespace targe::transport {

Placement::Placement(std::size_t cores)
    : cores_(cores), counts_(std::make_unique<std::atomic<std::size_t>[]>(cores)) {}

base::CoreId Placement::choose() {
    std::size_t best = 0;
    for (std::size_t i = 1; i < cores_; ++i) {
        if (counts_[i].load() < counts_[best].load()) {
            best = i;
        }
    }
    ++counts_[best];
    return base::CoreId(static_cast<std::uint16_t>(best));
}

void Placement::left(base::CoreId core) {
    TARGE_ASSERT(counts_[core.value].load() > 0);
    --counts_[core.value];
}

}  // namespace targe::transport
