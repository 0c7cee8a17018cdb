// Finds the tasks of a connection by their Initiator Task Tag.
#pragma once

#include "iscsi/scsi_task.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace targe::iscsi {

/// Chained through the tasks themselves, so that it never allocates and never fills up.
class TaskTable {
public:
    TaskTable() = default;
    TaskTable(const TaskTable&) = delete;
    TaskTable& operator=(const TaskTable&) = delete;

    [[nodiscard]] ScsiTask* find(TaskTag tag) const;
    /// Any task in this state, or null. Looks everywhere.
    [[nodiscard]] ScsiTask* find_in_state(ScsiTask::State state) const;
    /// The same, of those that are concerned and came no later than `last_arrival`.
    [[nodiscard]] ScsiTask* find_in_state(ScsiTask::State state, const ConcernsLun& concerned,
                                          std::uint64_t last_arrival) const;
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
