// What the kernel says of a block device in sysfs.
#pragma once

#include "reactor/plug.h"

#include <cstdint>
#include <string>

namespace targe::device {

/// The files of one `queue` directory; what is missing there is zero here.
struct QueueFacts {
    bool rotational = false;
    bool volatile_cache = true;  ///< not known to be without one
    std::uint64_t discard_granularity_bytes = 0;
    std::uint64_t discard_max_bytes = 0;       ///< 0: cannot discard
    std::uint64_t write_zeroes_max_bytes = 0;  ///< 0: zeroes have to be written as data
    std::uint64_t optimal_io_bytes = 0;
    std::uint64_t longest_request_bytes = 0;  ///< that the kernel does not cut (max_sectors_kb)
    std::uint64_t segments = 0;               ///< pieces of memory that one request may have
    bool operator==(const QueueFacts&) const = default;
};

/// Reads `directory`, which ends in "/queue".
[[nodiscard]] QueueFacts read_queue_facts(const std::string& directory);

/// What of that concerns how reads and writes are cut and put together. Cautious where nothing is known.
[[nodiscard]] reactor::PlugLimits plug_limits(const QueueFacts& queue);

/// The queue directory of the block device with this number; a partition has that of its disk.
[[nodiscard]] std::string queue_directory(unsigned major, unsigned minor);

}  // namespace targe::device
