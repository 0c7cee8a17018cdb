// What reads and writes of a unit, or of one group of them, have come to.
#pragma once

#include "scsi/command_id.h"

#include <cstdint>

namespace targe::scsi {

/// GROUP NUMBER of the commands that access blocks: 0 is no group, [SBC-3 r36 4.22].
inline constexpr std::uint8_t kGroups = 32;

/// How the statistics count a command, [SPC-4 r37 7.3.6.1].
enum class AccessKind : std::uint8_t { neither, read, write };

/// The 6-byte forms too, which the standard leaves out: initiators that use them would see nothing.
[[nodiscard]] constexpr AccessKind access_kind(CommandId id) {
    switch (id) {
        case CommandId::read_6:
        case CommandId::read_10:
        case CommandId::read_12:
        case CommandId::read_16:
        case CommandId::populate_token:
            return AccessKind::read;
        case CommandId::write_6:
        case CommandId::write_10:
        case CommandId::write_12:
        case CommandId::write_16:
        case CommandId::write_and_verify_10:
        case CommandId::write_and_verify_12:
        case CommandId::write_and_verify_16:
        case CommandId::write_atomic_16:
        case CommandId::unmap:
        case CommandId::write_using_token:
            return AccessKind::write;
        default:
            return AccessKind::neither;
    }
}

/// What a command counts for that has this priority, [SPC-4 r37 7.3.6.2]; 0 counts as the middle one.
[[nodiscard]] constexpr std::uint64_t command_weight(std::uint8_t priority) {
    constexpr std::uint64_t kOfPriorityOne = 360'360;
    constexpr std::uint8_t kMiddle = 7;
    // Nearly all have none, and a division is as long as a tenth of what else a command costs here.
    return priority == 0 ? kOfPriorityOne / kMiddle : kOfPriorityOne / priority;
}

struct AccessStatistics {
    struct Commands {
        std::uint64_t count = 0;
        std::uint64_t bytes = 0;
        std::uint64_t time_ns = 0;  ///< from their arrival to their status, added up
        std::uint64_t fua_count = 0;
        std::uint64_t fua_time_ns = 0;

        void add(std::uint64_t moved, std::uint64_t took_ns, bool fua) {
            ++count;
            bytes += moved;
            time_ns += took_ns;
            if (fua) {
                ++fua_count;
                fua_time_ns += took_ns;
            }
        }
        Commands& operator+=(const Commands& other) {
            count += other.count;
            bytes += other.bytes;
            time_ns += other.time_ns;
            fua_count += other.fua_count;
            fua_time_ns += other.fua_time_ns;
            return *this;
        }
        bool operator==(const Commands&) const = default;
    };
    Commands reads;
    Commands writes;
    std::uint64_t weight = 0;            ///< of all of them
    std::uint64_t weighted_time_us = 0;  ///< each one's time, times its weight

    AccessStatistics& operator+=(const AccessStatistics& other) {
        reads += other.reads;
        writes += other.writes;
        weight += other.weight;
        weighted_time_us += other.weighted_time_us;
        return *this;
    }
    bool operator==(const AccessStatistics&) const = default;
};

}  // namespace targe::scsi
