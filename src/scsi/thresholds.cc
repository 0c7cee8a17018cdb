#include "scsi/thresholds.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace targe::scsi {
namespace {

constexpr std::uint64_t kSetBytes = std::uint64_t{1} << 20U;

/// Where a threshold is reached, and where it is armed again.
struct Ends {
    std::uint64_t least;
    std::uint64_t most;
};

Ends ends_of(const Threshold& threshold, std::uint64_t set) {
    const std::uint64_t highest = std::numeric_limits<std::uint64_t>::max() / set - 1;
    const std::uint64_t middle = std::min<std::uint64_t>(threshold.count, highest) * set;
    return {.least = middle - std::min(middle, set / 2), .most = middle + set / 2};
}

}  // namespace

std::uint8_t threshold_exponent(std::uint64_t blocks, std::uint32_t block_size) {
    constexpr std::uint64_t kCountBits = 32;
    const std::uint64_t for_sets = std::bit_width(kSetBytes / block_size) - std::uint64_t{1};
    const std::uint64_t bits = std::bit_width(blocks);
    return static_cast<std::uint8_t>(std::max(for_sets, bits - std::min(bits, kCountBits)));
}

std::uint64_t threshold_set_bytes(const UnitDescription& unit) {
    return std::uint64_t{unit.block_size} << unit.provisioning.threshold_exponent;
}

std::uint32_t threshold_sets(std::uint64_t bytes, const UnitDescription& unit) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(bytes / threshold_set_bytes(unit), kMost));
}

LbaResources lba_resources(const ResourceBytes& bytes, bool shared, const UnitDescription& unit) {
    return {.available = threshold_sets(bytes.available, unit),
            .used = threshold_sets(bytes.used, unit),
            .shared = shared};
}

bool watches_thresholds(const UnitDescription& unit, const ModePages& pages) {
    return unit.provisioning.threshold_exponent != 0 && pages.threshold_reports &&
           std::ranges::any_of(pages.thresholds, &Threshold::enabled);
}

bool ThresholdWatch::reached(const UnitDescription& unit, const ModePages& pages,
                             const ResourceBytes& resources) {
    bool any = false;
    for (std::size_t i = 0; i < kThresholds.size(); ++i) {
        const Threshold& threshold = pages.thresholds.at(i);
        if (known_.at(i) != threshold) {
            known_.at(i) = threshold;
            armed_.at(i) = true;
        }
        if (!threshold.enabled) {
            continue;
        }
        const Ends ends = ends_of(threshold, threshold_set_bytes(unit));
        const bool decreasing = kThresholds.at(i) == ThresholdResource::available;
        const std::uint64_t now = decreasing ? resources.available : resources.used;
        const bool at_far_end = decreasing ? now <= ends.least : now >= ends.most;
        const bool at_near_end = decreasing ? now >= ends.most : now <= ends.least;
        any = any || (armed_.at(i) && at_far_end);
        armed_.at(i) = at_near_end || (armed_.at(i) && !at_far_end);
    }
    return any;
}

}  // namespace targe::scsi
