// The data of writes: who they belong to, where they go, and when they are all there.
#include "base/assert.h"
#include "iscsi/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::iscsi {

void Connection::begin_data_out(HeaderView header, std::uint32_t length) {
    const TaskTag tag{wire::get<DataOutPdu::kInitiatorTaskTag>(header)};
    ScsiTask* const task = tasks_.find(tag);
    if (task == nullptr) {
        // Of a command that is over, or was never taken: the initiator may not know that yet.
        if (!held_.empty() && held_.holds_command(tag)) {
            collect(Purpose::early, length);
        }
        return;
    }
    const DataOutSegment segment{.tag = TransferTag{wire::get<DataOutPdu::kTargetTransferTag>(header)},
                                 .data_sn = wire::get<DataOutPdu::kDataSn>(header),
                                 .offset = wire::get<DataOutPdu::kBufferOffset>(header),
                                 .length = length,
                                 .final = wire::get<DataOutPdu::kFinal>(header) != 0};
    DataSequence* const sequence = task->data_out_.find(segment.tag);
    const bool solicited = segment.tag.value != kReservedTag;
    const Lun lun{wire::get<DataOutPdu::kLun>(header)};
    const bool other_unit = solicited && lun != task->lun_ && !host_.name_one_unit(lun, task->lun_);
    if (sequence == nullptr || other_unit) {
        if (solicited) {
            reject(RejectReason::invalid_pdu_field, header);
        } else if (task->state_ == ScsiTask::State::active) {
            task->data_out_.unexpected();
            advance_data(*task);
        }
        return;
    }
    incoming_.purpose = Purpose::sequence;
    incoming_.task = task;
    incoming_.sequence = sequence;
    incoming_.segment = segment;
    data_moved_ = now_;
    if (task->data_out_.check(*sequence, segment)) {
        take_data(*task, segment.offset, length);
    }
}

void Connection::take_data(ScsiTask& task, std::uint32_t offset, std::uint32_t length) {
    if (task.state_ != ScsiTask::State::active || task.data_out_.failure()) {
        return;
    }
    if (task.data_out_.accepted()) {
        const std::uint32_t wanted = task.data_out_.wanted();
        incoming_.size = offset < wanted ? std::min(length, wanted - offset) : 0;
        incoming_.where = SegmentCursor<base::Segment>(task.into_);
        incoming_.where.advance(offset);
        return;
    }
    if (!reserve_early(length)) {
        task.data_out_.fail(DataOutFailure::no_room);
        return;
    }
    // Only unsolicited data come before they are wanted, and those come in order.
    TARGE_ASSERT(task.early_.size() == offset);
    task.early_.resize(std::size_t{offset} + length);
    own_memory_ = {task.early_.data() + offset, length};
    incoming_.where = SegmentCursor<base::Segment>(std::span{&own_memory_, 1});
    incoming_.size = length;
    incoming_.into_early = true;
}

bool Connection::reserve_early(std::uint32_t length) {
    if (length > options_.max_held_bytes - std::min(early_bytes_, options_.max_held_bytes)) {
        return false;
    }
    if (options_.held_memory != nullptr && !options_.held_memory->take(length)) {
        if (!std::exchange(told_of_shortage_, true)) {
            host_.log(
                "a write gets BUSY: what all initiators together have sent before its turn takes all the "
                "memory that there is for it (an eighth of daemon.buffer_memory)");
        }
        return false;
    }
    early_bytes_ += length;
    return true;
}

void Connection::end_data(bool good) {
    ScsiTask& task = *incoming_.task;
    const bool immediate = incoming_.purpose == Purpose::immediate;
    incoming_.task = nullptr;
    incoming_.into_early = false;
    if (!good) {
        // [RFC 7143 7.8]. A command whose immediate data are damaged is not discarded: nobody would send it
        // again at this level of recovery, and its number would hold up all that follow.
        reject(RejectReason::data_digest_error, HeaderView{incoming_.header});
        task.data_out_.fail(DataOutFailure::digest_error);
    }
    if (immediate) {
        task.data_out_.immediate_received();
    } else {
        task.data_out_.received(*incoming_.sequence, incoming_.segment);
    }
    note_waiting(task);
    advance_data(task);
}

void Connection::note_waiting(ScsiTask& task) {
    auto& waiting = static_cast<base::ListHook<AwaitingDataTag>&>(task);
    waiting.unlink();
    if (task.data_out_.open()) {
        task.waiting_since_ = now_;
        awaiting_data_.push_back(task);
    }
}

TransferTag Connection::new_transfer(ScsiTask& task) {
    auto& waiting = static_cast<base::ListHook<AwaitingDataTag>&>(task);
    waiting.unlink();
    task.waiting_since_ = now_;
    awaiting_data_.push_back(task);
    r2t_waits_ = true;
    return take_transfer_tag();
}

TransferTag Connection::take_transfer_tag() {
    if (next_transfer_ == kReservedTag) {
        next_transfer_ = 0;
    }
    return TransferTag{next_transfer_++};
}

void Connection::accept_data(ScsiTask& task, base::Segments into, std::uint32_t bytes) {
    TARGE_ASSERT(task.state_ == ScsiTask::State::active && base::total_size(into) >= bytes);
    task.into_ = into;
    task.data_out_.accept(bytes);
    advance_data(task);
}

void Connection::move_early(ScsiTask& task) {
    const std::size_t size = std::min<std::size_t>(task.early_.size(), task.data_out_.wanted());
    SegmentCursor<base::Segment> where(task.into_);
    for (std::size_t done = 0; done < size;) {
        const base::Segment run = where.run(size - done);
        std::memcpy(run.data, task.early_.data() + done, run.size);
        where.advance(run.size);
        done += run.size;
    }
    forget_early(task);
}

void Connection::forget_early(ScsiTask& task) {
    if (task.early_.empty()) {
        return;
    }
    early_bytes_ -= task.early_.size();
    if (options_.held_memory != nullptr) {
        options_.held_memory->give_back(task.early_.size());
    }
    task.early_ = std::vector<std::byte>{};  // = {} would keep its memory, which nobody counts any more
}

void Connection::advance_data(ScsiTask& task) {
    if (task.state_ == ScsiTask::State::draining && !task.data_out_.open()) {
        queue_response(task);
        return;
    }
    if (task.state_ != ScsiTask::State::active || !task.data_out_.accepted()) {
        return;
    }
    const bool in_use = incoming_.task == &task && incoming_.into_early;
    if (!task.early_.empty() && !in_use) {
        move_early(task);
    }
    if (task.data_out_.wants_r2t()) {
        transmitter_.queue(task);
    }
    switch (task.data_out_.settle()) {
        case DataOut::Verdict::pending:
            break;
        case DataOut::Verdict::complete:
            host_.data_out_complete(task);
            break;
        case DataOut::Verdict::failed:
            host_.data_out_failed(task, *task.data_out_.failure());
            break;
    }
}

}  // namespace targe::iscsi
