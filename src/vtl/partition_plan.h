// From the Medium Partition mode page to the capacities of partitions.
#pragma once

#include "wire/field.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace targe::vtl {

/// The capacities that FORMAT MEDIUM makes of `page` (with its header, [SSC-5], page 11h) on a medium of
/// `capacity` bytes; nothing when they do not fit.
[[nodiscard]] std::optional<std::vector<std::uint64_t>> plan_partitions(wire::Bytes page,
                                                                        std::uint64_t capacity);

/// PARTITION UNITS, a power of ten of bytes, in which sizes of this capacity fit the page.
[[nodiscard]] std::uint8_t partition_units(std::uint64_t capacity);

}  // namespace targe::vtl
