// Task management functions, [RFC 7143 11.5], as far as they are not the host's.
#include "base/assert.h"
#include "iscsi/connection.h"

#include <algorithm>

namespace targe::iscsi {

namespace {

constexpr std::uint8_t kProtocolLevelWithQueries = 2;  // [RFC 7144]

TaskTag tag_of(HeaderView header) {
    return TaskTag{wire::get<BasicHeader::kInitiatorTaskTag>(header)};
}
TaskTag referenced_tag(HeaderView header) {
    return TaskTag{wire::get<TaskManagementRequestPdu::kReferencedTaskTag>(header)};
}
Lun lun_of(HeaderView header) {
    return Lun{wire::get<BasicHeader::kLun>(header)};
}

bool is_query(TaskFunction function) {
    return function == TaskFunction::query_task || function == TaskFunction::query_task_set ||
           function == TaskFunction::query_async_event;
}

/// Of all tasks of a unit, a nexus or the target, which it ends.
bool ends_tasks(TaskFunction function) {
    switch (function) {
        case TaskFunction::abort_task_set:
        case TaskFunction::clear_task_set:
        case TaskFunction::logical_unit_reset:
        case TaskFunction::target_warm_reset:
        case TaskFunction::target_cold_reset:
        case TaskFunction::i_t_nexus_reset:
            return true;
        default:
            return false;
    }
}

}  // namespace

void Connection::management_request() {
    const HeaderView header{incoming_.header};
    const auto function = static_cast<TaskFunction>(wire::get<TaskManagementRequestPdu::kFunction>(header));
    if (type_ == SessionType::discovery) {
        reject(RejectReason::command_not_supported, header);
        return;
    }
    if (function >= TaskFunction::query_task && parameters_.protocol_level < kProtocolLevelWithQueries) {
        answer_management(tag_of(header), TaskFunctionResponse::function_not_supported);
        return;
    }
    if (ends_tasks(function)) {
        manage_tasks(header, function);
        return;
    }
    switch (function) {
        case TaskFunction::abort_task:
        case TaskFunction::query_task:
            manage_task(header, function);
            return;
        case TaskFunction::task_reassign:
            answer_management(tag_of(header), TaskFunctionResponse::reassignment_not_supported);
            return;
        case TaskFunction::clear_aca:
        case TaskFunction::query_task_set:
        case TaskFunction::query_async_event:
            break;
        default:
            answer_management(tag_of(header), TaskFunctionResponse::function_not_supported);
            return;
    }
    manage(header, function, nullptr);
}

/// Of one unit, in whatever form a task named it, or of all.
ConcernsLun Connection::concerned_by(TaskFunction function, Lun lun) const {
    if (function == TaskFunction::target_warm_reset || function == TaskFunction::target_cold_reset ||
        function == TaskFunction::i_t_nexus_reset) {
        return [](Lun) { return true; };
    }
    return [&host = host_, lun](Lun other) { return other == lun || host.name_one_unit(other, lun); };
}

void Connection::manage_tasks(HeaderView header, TaskFunction function) {
    if (ManagementRequest* const request = begin_management(header, function, nullptr)) {
        held_.skip_commands(concerned_by(function, lun_of(header)),
                            CmdSn{wire::get<RequestHeader::kCmdSn>(header)});
        host_.task_management(*request);
    }
}

void Connection::manage_task(HeaderView header, TaskFunction function) {
    ScsiTask* const task = tasks_.find(referenced_tag(header));
    auto response = TaskFunctionResponse::function_complete;
    if (task == nullptr || !concerned_by(function, lun_of(header))(task->lun_)) {
        // Of a query this means "no such task".
        response = is_query(function) ? TaskFunctionResponse::function_complete : abort_unknown(header);
    } else if (task->state_ == ScsiTask::State::active) {
        manage(header, function, task);
        return;
    } else if (is_query(function)) {
        response = TaskFunctionResponse::function_succeeded;
    } else if (task->state_ == ScsiTask::State::draining) {
        // It has been carried out; only its response still waited for data that nobody wants.
        end_task(*task, Delivery::abandoned);
    } else {
        // Its response is on its way and comes first: the initiator must not take the task for undone.
        response = TaskFunctionResponse::task_does_not_exist;
    }
    answer_management(tag_of(header), response);
    end_when_idle();
}

TaskFunctionResponse Connection::abort_unknown(HeaderView header) {
    if (held_.skip_command(referenced_tag(header), concerned_by(TaskFunction::abort_task, lun_of(header)))) {
        return TaskFunctionResponse::function_complete;
    }
    // [RFC 7143 11.5.5]: a command that was sent before the request and has not arrived will never be
    // carried out, because its number counts as received from now on.
    const CmdSn referenced{wire::get<TaskManagementRequestPdu::kRefCmdSn>(header)};
    const CmdSn own{wire::get<RequestHeader::kCmdSn>(header)};
    if (tasks_.find(referenced_tag(header)) == nullptr && referenced.before(own) &&
        window_.place(referenced) != CommandWindow::Place::outside && !held_.contains(referenced)) {
        held_.skip(referenced);
        return TaskFunctionResponse::function_complete;
    }
    return TaskFunctionResponse::task_does_not_exist;
}

void Connection::manage(HeaderView header, TaskFunction function, ScsiTask* task) {
    if (ManagementRequest* const request = begin_management(header, function, task)) {
        host_.task_management(*request);
    }
}

/// Null: there is no room for it, and it has been answered.
ManagementRequest* Connection::begin_management(HeaderView header, TaskFunction function, ScsiTask* task) {
    const auto free = std::ranges::find(management_, false, &ManagementRequest::in_use);
    if (free == management_.end()) {
        if (wire::get<BasicHeader::kImmediate>(header) != 0) {
            reject(RejectReason::too_many_immediate_commands, header);
        } else {
            answer_management(tag_of(header), TaskFunctionResponse::function_rejected);
        }
        return nullptr;
    }
    *free = {.function = function,
             .lun = lun_of(header),
             .task = task,
             .tag = tag_of(header),
             .referenced = referenced_tag(header),
             .arrival = arrivals_,
             .in_use = true};
    ++management_count_;
    return &*free;
}

void Connection::management_done(ManagementRequest& request, TaskFunctionResponse response) {
    TARGE_ASSERT(request.in_use);
    if (response == TaskFunctionResponse::function_complete) {
        end_draining(request);
    }
    const TaskTag tag = request.tag;
    request = {};
    --management_count_;
    if (phase_ != Phase::lost) {
        answer_management(tag, response);
    }
    end_when_idle();
}

/// A task may have been answered, before the function or while it waited for others, and its response may
/// still wait for data. The initiator must not hear of it once the function was answered: it sends no data
/// for it any more. Where the function was refused, it does.
void Connection::end_draining(const ManagementRequest& request) {
    if (request.function == TaskFunction::abort_task) {
        ScsiTask* const task = tasks_.find(request.referenced);
        if (task != nullptr && task->state_ == ScsiTask::State::draining &&
            task->arrival_ <= request.arrival) {
            end_task(*task, Delivery::abandoned);
        }
        return;
    }
    if (!ends_tasks(request.function)) {
        return;
    }
    const ConcernsLun concerned = concerned_by(request.function, request.lun);
    while (ScsiTask* const task =
               tasks_.find_in_state(ScsiTask::State::draining, concerned, request.arrival)) {
        end_task(*task, Delivery::abandoned);
    }
}

void Connection::answer_management(TaskTag tag, TaskFunctionResponse response) {
    ControlPdu& pdu = new_response(Opcode::task_management_response, tag);
    wire::put<TaskManagementResponsePdu::kResponse>(HeaderSpan{pdu.header},
                                                    static_cast<std::uint8_t>(response));
    transmitter_.queue(pdu);
}

}  // namespace targe::iscsi
