#include "transport/placement.h"

#include "base/assert.h"

#include <utility>

namespace targe::transport {

namespace {

/// What a connection is held to need that has done nothing yet.
constexpr Load kUnknown = 50;
/// Differences below this are noise.
constexpr Load kGrain = 125;

}  // namespace

Placement::Placement(std::size_t cores) : cores_(cores) {}

base::CoreId Placement::choose() {
    const auto rank = [](const Core& core) {
        return std::pair{(core.load.load() + core.expected.load()) / kGrain, core.count.load()};
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < cores_.size(); ++i) {
        if (rank(cores_[i]) < rank(cores_[best])) {
            best = i;
        }
    }
    ++cores_[best].count;
    if (measures_.load()) {
        cores_[best].expected += kUnknown;
    }
    return base::CoreId(static_cast<std::uint16_t>(best));
}

void Placement::left(base::CoreId core) {
    TARGE_ASSERT(cores_[core.value].count.load() > 0);
    --cores_[core.value].count;
}

void Placement::moved(base::CoreId from, base::CoreId to, Load load) {
    left(from);
    ++cores_[to.value].count;
    cores_[to.value].expected += load;
    ++moves_;
}

void Placement::measured(base::CoreId core, Load load) {
    measures_.store(true);
    cores_[core.value].load.store(load);
    cores_[core.value].expected.store(0);
}

}  // namespace targe::transport
