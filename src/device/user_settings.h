// What the administrator says of a device that another program emulates.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace targe::device {

struct UserSettings {
    std::string name = {};    ///< the device's
    std::string socket = {};  ///< where handlers attach
    std::vector<uid_t> allow_users = {};
    std::vector<gid_t> allow_groups = {};
    std::chrono::milliseconds hold{20'000};  ///< that commands wait for a handler that is away
    /// From when a request came to its answer; half of it more where the handler ends others, see
    /// limit_of_taken().
    std::chrono::milliseconds deadline{25'000};
    bool busy_when_away = false;   ///< BUSY after that, not NOT READY
    std::uint32_t queues = 1;      ///< cores that may ask
    std::uint64_t size_bytes = 0;  ///< 0: what the handler says
    std::uint32_t block_size = 512;
    bool read_only = false;
    std::optional<std::uint8_t> type = {};  ///< command level: PERIPHERAL DEVICE TYPE; nothing: block level
    bool rotational = false;
    std::uint8_t physical_block_exponent = 0;
};

}  // namespace targe::device
