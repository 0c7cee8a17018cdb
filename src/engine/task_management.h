// Task management functions, [SAM-5 r21].
#pragma once

#include "base/id.h"

#include <cstdint>

namespace targe::engine {

enum class TaskFunction : std::uint8_t {
    abort_task,
    abort_task_set,
    clear_task_set,
    logical_unit_reset,
    target_warm_reset,
    target_cold_reset,  ///< the transport closes the sessions afterwards
    clear_aca,
    query_task,
    query_task_set,
    query_asynchronous_event,
    i_t_nexus_reset,
};

enum class TaskResponse : std::uint8_t {
    function_complete,
    function_succeeded,  ///< of a query: the task is there
    task_does_not_exist,
    lun_does_not_exist,
    not_supported,
    function_rejected,  ///< also: the deadline passed and the device still holds a task
};

/// A request for one function. Belongs to the transport, which keeps it in place from Nexus::manage() until
/// CommandPort::managed().
struct TaskManagement {
    TaskFunction function{};
    std::uint64_t lun = 0;         ///< as Command::lun; not read for functions on the target
    std::uint64_t referenced = 0;  ///< the TaskTag's value, for abort_task and query_task

    TaskResponse response{};  ///< final in CommandPort::managed()
};

}  // namespace targe::engine
