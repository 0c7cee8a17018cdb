#include "vtl/partition_plan.h"

#include <cstddef>

namespace targe::vtl {
namespace {

constexpr std::uint32_t kTheRest = 0xffff;

std::uint64_t power_of_ten(unsigned exponent) {
    std::uint64_t value = 1;
    for (unsigned i = 0; i < exponent; ++i) {
        value *= 10;
    }
    return value;
}

/// PSUM: what partition sizes count.
std::uint64_t unit_bytes(wire::Bytes page) {
    switch ((std::to_integer<unsigned>(page[4]) >> 3U) & 3U) {
        case 0:
            return 1;
        case 1:
            return 1000;
        case 2:
            return 1'000'000;
        default:
            return power_of_ten(std::to_integer<unsigned>(page[6]) & 0xfU);
    }
}

/// Sizes that the drive chooses: each additional partition has a twentieth.
std::vector<std::uint64_t> chosen_by_drive(std::size_t partitions, std::uint64_t capacity) {
    std::vector<std::uint64_t> sizes(partitions, capacity / 20);
    sizes[0] = capacity - capacity / 20 * (partitions - 1);
    return sizes;
}

}  // namespace

std::optional<std::vector<std::uint64_t>> plan_partitions(wire::Bytes page, std::uint64_t capacity) {
    constexpr unsigned kInitiatorDefined = 0x20;  // IDP
    constexpr std::size_t kSizesAt = 8;
    const std::size_t partitions = std::to_integer<std::size_t>(page[3]) + 1;
    if ((std::to_integer<unsigned>(page[4]) & kInitiatorDefined) == 0) {
        return chosen_by_drive(partitions, capacity);
    }
    const std::uint64_t unit = unit_bytes(page);
    std::vector<std::uint64_t> sizes(partitions, 0);
    std::optional<std::size_t> rest;
    std::uint64_t used = 0;
    for (std::size_t i = 0; i < partitions; ++i) {
        const std::size_t at = kSizesAt + 2 * i;
        const std::uint32_t size = at + 1 < page.size() ? std::to_integer<std::uint32_t>(page[at]) << 8U |
                                                              std::to_integer<std::uint32_t>(page[at + 1])
                                                        : 0;
        if (size == kTheRest && !rest) {
            rest = i;
            continue;
        }
        if (size == 0 || size == kTheRest || unit > capacity || size * unit > capacity - used) {
            return std::nullopt;
        }
        sizes[i] = size * unit;
        used += sizes[i];
    }
    if (rest) {
        sizes[*rest] = capacity - used;
    }
    return rest && capacity == used ? std::nullopt : std::optional(sizes);
}

std::uint8_t partition_units(std::uint64_t capacity) {
    std::uint8_t units = 0;
    while (capacity / power_of_ten(units) >= kTheRest) {
        ++units;
    }
    return units;
}

}  // namespace targe::vtl
