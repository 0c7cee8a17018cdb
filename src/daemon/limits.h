// What a configuration means for the engine and for the process.
#pragma once

#include "admin/config.h"
#include "engine/limits.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace targe::daemon {

/// `buffer_bytes_per_core`: what the buffers of one core may take.
[[nodiscard]] engine::Limits engine_limits(const admin::Config& config, std::uint64_t buffer_bytes_per_core);

/// How many descriptors a daemon with so many reactors may come to hold at once.
[[nodiscard]] std::uint64_t descriptors_wanted(const admin::Config& config, std::size_t reactors);

/// How many of the connections that are configured there may be where the process may hold `limit`
/// descriptors: as many as leave some for the control socket and for files of the state.
[[nodiscard]] std::uint32_t connections_within(const admin::Config& config, std::size_t reactors,
                                               std::uint64_t limit);

/// Raises the soft limit on descriptors to the hard one; what the limit is then, or nothing where there is
/// none. Only what waits on select() suffers from a high one, and the daemon never does.
std::optional<std::uint64_t> raise_descriptor_limit();

}  // namespace targe::daemon
