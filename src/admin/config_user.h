// What the configuration says of devices that other programs emulate.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace targe::admin {

/// What a handler that gets CDBs is; the numbers are peripheral device types.
enum class DeviceType : std::uint8_t {
    disk = 0x00,
    tape = 0x01,
    processor = 0x03,
    cdrom = 0x05,
    optical = 0x07,
    changer = 0x08,
    enclosure = 0x0d,
};

/// Of a device that another program emulates.
struct UserConfig {
    std::string socket = {};                     ///< empty: NAME.handler.sock beside that of the daemon
    std::vector<std::uint32_t> allow_uids = {};  ///< besides root and the user that targed runs as
    std::vector<std::uint32_t> allow_gids = {};  ///< the same
    std::optional<DeviceType> type = {};         ///< absent: a disk whose blocks the handler keeps
    std::chrono::milliseconds hold{20'000};      ///< that commands wait for a handler that is away
    std::optional<std::chrono::milliseconds> deadline;  ///< absent: by level
    bool busy_when_away = false;                        ///< BUSY after that, not NOT READY
    bool operator==(const UserConfig&) const = default;
};

}  // namespace targe::admin
