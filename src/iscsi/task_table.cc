#include "iscsi/task_table.h"

#include "base/assert.h"

#include <utility>

namespace targe::iscsi {

ScsiTask* TaskTable::find(TaskTag tag) const {
    ScsiTask* task = buckets_[bucket_of(tag)];
    while (task != nullptr && task->tag_ != tag) {
        task = task->next_of_bucket_;
    }
    return task;
}

ScsiTask* TaskTable::find_in_state(ScsiTask::State state) const {
    return find_in_state(state, [](Lun) { return true; }, ~std::uint64_t{0});
}

ScsiTask* TaskTable::find_in_state(ScsiTask::State state, const ConcernsLun& concerned,
                                   std::uint64_t last_arrival) const {
    for (ScsiTask* task : buckets_) {
        while (task != nullptr &&
               (task->state_ != state || task->arrival_ > last_arrival || !concerned(task->lun_))) {
            task = task->next_of_bucket_;
        }
        if (task != nullptr) {
            return task;
        }
    }
    return nullptr;
}

void TaskTable::insert(ScsiTask& task) {
    ScsiTask*& bucket = buckets_[bucket_of(task.tag_)];
    task.next_of_bucket_ = std::exchange(bucket, &task);
}

void TaskTable::remove(ScsiTask& task) {
    ScsiTask** link = &buckets_[bucket_of(task.tag_)];
    while (*link != &task) {
        TARGE_ASSERT(*link != nullptr);
        link = &(*link)->next_of_bucket_;
    }
    *link = std::exchange(task.next_of_bucket_, nullptr);
}

}  // namespace targe::iscsi
