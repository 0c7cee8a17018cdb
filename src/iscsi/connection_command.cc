// SCSI commands and how they end.
#include "base/assert.h"
#include "iscsi/additional_headers.h"
#include "iscsi/connection.h"

#include <algorithm>
#include <cstring>

namespace targe::iscsi {

namespace {

constexpr std::uint8_t kBusy = 0x08;

/// Unsolicited data that follow a command which has none, or a length of data in no direction,
/// [RFC 7143 11.3.1].
bool contradicts_itself(HeaderView header) {
    using Pdu = ScsiCommandPdu;
    const bool writes = wire::get<Pdu::kWrite>(header) != 0;
    const bool moves_data = writes || wire::get<Pdu::kRead>(header) != 0;
    return (!writes && wire::get<Pdu::kFinal>(header) == 0) ||
           (!moves_data && wire::get<Pdu::kExpectedDataTransferLength>(header) != 0);
}

}  // namespace

std::optional<RejectReason> Connection::find_fault(HeaderView header) const {
    using Pdu = ScsiCommandPdu;
    if (type_ == SessionType::discovery) {
        return RejectReason::command_not_supported;
    }
    if (wire::get<Pdu::kAttribute>(header) > static_cast<std::uint8_t>(TaskAttribute::aca)) {
        return RejectReason::invalid_pdu_field;
    }
    const TaskTag tag{wire::get<Pdu::kInitiatorTaskTag>(header)};
    if (tag.value == kReservedTag || contradicts_itself(header)) {
        return RejectReason::invalid_pdu_field;
    }
    const ScsiTask* const same = tasks_.find(tag);
    if (same != nullptr && same->state_ != ScsiTask::State::leaving) {
        return RejectReason::task_in_progress;
    }
    if (wire::get<Pdu::kImmediate>(header) != 0 && immediate_count_ >= options_.max_immediate_commands) {
        return RejectReason::too_many_immediate_commands;
    }
    return std::nullopt;
}

void Connection::begin_command(HeaderView header, wire::Bytes additional, std::uint32_t length) {
    if (const auto fault = find_fault(header)) {
        reject(*fault, header);
        return;
    }
    const auto extra = read_additional_headers(additional);
    if (!extra) {
        reject(RejectReason::invalid_pdu_field, header);
        return;
    }
    ScsiTask* const task = host_.new_task();
    if (task == nullptr) {
        refuse_busy(header);
        return;
    }
    std::memcpy(task->cdb_.data(), header.data() + ScsiCommandPdu::kCdb, ScsiCommandPdu::kCdbSize);
    std::ranges::copy(extra->cdb, task->cdb_.begin() + ScsiCommandPdu::kCdbSize);
    task->cdb_size_ = static_cast<std::uint16_t>(ScsiCommandPdu::kCdbSize + extra->cdb.size());
    task->expected_bidirectional_ = extra->bidirectional_read_length;
    start_command(*task, header, length);
}

void Connection::start_command(ScsiTask& task, HeaderView header, std::uint32_t length) {
    using Pdu = ScsiCommandPdu;
    TARGE_ASSERT(task.state_ == ScsiTask::State::idle);
    task.tag_ = TaskTag{wire::get<Pdu::kInitiatorTaskTag>(header)};
    task.lun_ = Lun{wire::get<Pdu::kLun>(header)};
    task.cmd_sn_ = CmdSn{wire::get<Pdu::kCmdSn>(header)};
    task.arrival_ = ++arrivals_;
    task.attribute_ = static_cast<TaskAttribute>(wire::get<Pdu::kAttribute>(header));
    task.immediate_ = wire::get<Pdu::kImmediate>(header) != 0;
    task.read_ = wire::get<Pdu::kRead>(header) != 0;
    task.write_ = wire::get<Pdu::kWrite>(header) != 0;
    task.expected_ = wire::get<Pdu::kExpectedDataTransferLength>(header);
    task.next_data_sn_ = 0;
    task.state_ = ScsiTask::State::active;
    task.data_out_.begin({.immediate_data = parameters_.immediate_data,
                          .initial_r2t = parameters_.initial_r2t,
                          .first_burst_length = parameters_.first_burst_length,
                          .max_burst_length = parameters_.max_burst_length,
                          .max_outstanding_r2t = parameters_.max_outstanding_r2t},
                         task.expected_data_out(), length, wire::get<Pdu::kFinal>(header) != 0);
    tasks_.insert(task);
    ++task_count_;
    if (task.immediate_) {
        ++immediate_count_;
    } else {
        window_.occupy();
    }
    note_waiting(task);
    if (length > 0) {
        incoming_.purpose = Purpose::immediate;
        incoming_.task = &task;
        data_moved_ = now_;
    }
    if (length == task.expected_data_out() && task.data_out_.failure() == std::nullopt) {
        data_here_ = reader_.data_here();
    }
    const bool were_here = !data_here_.empty();
    host_.command(task);
    const bool taken = were_here && data_here_.empty();
    data_here_ = {};
    // The host may have aborted it at once, and be using the object for something else already.
    if (incoming_.task == &task && !taken) {
        take_data(task, 0, length);
    }
}

void Connection::refuse_busy(HeaderView header) {
    using Pdu = ScsiCommandPdu;
    ControlPdu& pdu = new_response(Opcode::scsi_response, TaskTag{wire::get<Pdu::kInitiatorTaskTag>(header)});
    const HeaderSpan response{pdu.header};
    wire::put<ScsiResponsePdu::kStatus>(response, kBusy);
    const std::uint32_t expected = wire::get<Pdu::kExpectedDataTransferLength>(header);
    const bool moves_data = wire::get<Pdu::kRead>(header) != 0 || wire::get<Pdu::kWrite>(header) != 0;
    if (moves_data && expected > 0) {
        wire::put<ScsiResponsePdu::kUnderflow>(response, 1);
        wire::put<ScsiResponsePdu::kResidual>(response, expected);
    }
    transmitter_.queue(pdu);
}

void Connection::queue_response(ScsiTask& task) {
    const std::size_t available =
        base::total_size(task.response_.data_in) + task.response_.data_in_piped.size;
    task.data_in_ = SegmentCursor<base::ConstSegment>(task.response_.data_in);
    task.data_in_size_ =
        static_cast<std::uint32_t>(std::min<std::size_t>(available, task.expected_data_in()));
    task.data_in_sent_ = 0;
    task.burst_sent_ = 0;
    task.state_ = ScsiTask::State::responding;
    transmitter_.queue(task);
}

}  // namespace targe::iscsi
