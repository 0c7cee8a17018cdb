// Finds the tasks of a connection by their Initiator Task Tag.
#pragma once

#include "iscsi/scsi_task.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace targe::iscsi {

/// Chained through the tasks themselves, so that it never allocates and never fills up.
class TaskTable {
public:
    TaskTable() = default;
    TaskTable(const TaskTable&) = delete;
    TaskTable& operator=(const TaskTable&) = delete;

    [[nodiscard]] ScsiTask* find(TaskTag tag) const;
    /// Any task in this state, of this logical unit where one is named, that came no later than this, or
    /// null. Looks everywhere.
    [[nodiscard]] ScsiTask* find_in_state(ScsiTask::State state, std::optional<Lun> lun = {},
                                          std::uint64_t last_arrival = ~std::uint64_t{0}) const;
    void insert(ScsiTask& task);
    void remove(ScsiTask& task);

private:
    static constexpr std::size_t kBuckets = 256;
    [[nodiscard]] static std::size_t bucket_of(TaskTag tag) {
        // Initiators put a small index into the low bits, and an age or nothing above.
        return (tag.value ^ (tag.value >> 8U) ^ (tag.value >> 20U)) % kBuckets;
    }
    std::array<ScsiTask*, kBuckets> buckets_{};
};

}  // namespace targe::iscsi
