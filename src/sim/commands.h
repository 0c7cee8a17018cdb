// CDBs and parameter lists, made of what a task says that it is.
#pragma once

#include "sim/task.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::sim {

/// Fills in cdb, out and in_size.
void prepare(Task& task);

/// MODE SELECT of the Control page: what `mode_value` stands for.
inline constexpr std::uint8_t kModeTaskAborted = 1;      ///< TAS
inline constexpr std::uint8_t kModeRestrictedOrder = 2;  ///< QUEUE ALGORITHM MODIFIER 0h
/// The same, out of what MODE SENSE has returned.
[[nodiscard]] std::optional<std::uint8_t> mode_value_of(const std::vector<std::byte>& data);

}  // namespace targe::sim
