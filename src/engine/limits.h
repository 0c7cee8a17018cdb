// What an administrator can bound, and what the engine counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace targe::engine {

struct Limits {
    std::uint32_t commands_per_nexus_and_unit = 128;  ///< beyond: TASK SET FULL; Target::limit_commands()
    std::uint32_t transfer_bytes = 8U << 20U;         ///< of one command; beyond: INVALID FIELD IN CDB
    /// Buffers of one nexus, except that one command always fits; beyond: TASK SET FULL or BUSY.
    std::uint64_t buffer_bytes_per_nexus = std::uint64_t{128} << 20U;
    /// After it a function whose tasks a device still holds is answered with a rejection.
    std::chrono::milliseconds task_management_deadline{30'000};
    /// After it a nexus that has ended is replaced although a device still holds its tasks. Below the 120 s
    /// after which initiators mostly give their paths up, and long enough for a store that only stumbles.
    std::chrono::milliseconds nexus_end_deadline{90'000};
    /// After it what a nexus still reads at a LUN that it has lost is answered although a device holds it.
    std::chrono::milliseconds lost_lun_deadline{3'000};
};

/// Of one core only; read there, or through Engine::collect().
struct Counters {
    std::uint64_t commands = 0;
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t check_conditions = 0;
    std::uint64_t refused = 0;  ///< BUSY, TASK SET FULL, RESERVATION CONFLICT
    std::uint64_t aborted = 0;
    std::uint64_t copied_bytes = 0;     ///< by third-party copy, to here
    std::uint64_t offloaded_bytes = 0;  ///< of them, what the host copied or cloned by itself

    Counters& operator+=(const Counters& other) {
        commands += other.commands;
        reads += other.reads;
        writes += other.writes;
        read_bytes += other.read_bytes;
        written_bytes += other.written_bytes;
        check_conditions += other.check_conditions;
        refused += other.refused;
        aborted += other.aborted;
        copied_bytes += other.copied_bytes;
        offloaded_bytes += other.offloaded_bytes;
        return *this;
    }
};

}  // namespace targe::engine
