// The PDUs that a SCSI task sends: R2T, Data-In, Response.
#include "base/assert.h"
#include "iscsi/pdu_scsi.h"
#include "iscsi/transmitter.h"
#include "wire/crc32c.h"

#include <algorithm>

namespace targe::iscsi {

namespace {

constexpr std::uint8_t kGood = 0;

/// The header has one residual for commands of one direction, [RFC 7143 11.4.5]. It is that of the
/// direction which the initiator announced, unless only the other has one.
Residual residual_of(const ScsiTask& task, const Response& response) {
    const Residual announced = task.write() ? response.residual_out : response.residual_in;
    const Residual other = task.write() ? response.residual_in : response.residual_out;
    const bool use_other = announced.kind == Residual::Kind::none && !task.bidirectional();
    return use_other ? other : announced;
}

/// Data-In and Response have these three fields in the same places.
void put_residual(HeaderSpan header, Residual residual) {
    wire::put<ScsiResponsePdu::kOverflow>(header, residual.kind == Residual::Kind::overflow);
    wire::put<ScsiResponsePdu::kUnderflow>(header, residual.kind == Residual::Kind::underflow);
    wire::put<ScsiResponsePdu::kResidual>(
        header, residual.kind == Residual::Kind::none ? std::uint32_t{0} : residual.bytes);
}
static_assert(ScsiResponsePdu::kOverflow == DataInPdu::kOverflow &&
              ScsiResponsePdu::kUnderflow == DataInPdu::kUnderflow &&
              ScsiResponsePdu::kResidual == DataInPdu::kResidual &&
              ScsiResponsePdu::kStatus == DataInPdu::kStatus);

void put_start(HeaderSpan header, Opcode opcode, TaskTag tag) {
    wire::put<BasicHeader::kOpcode>(header, static_cast<std::uint8_t>(opcode));
    wire::put<BasicHeader::kInitiatorTaskTag>(header, tag.value);
}

}  // namespace

void Transmitter::make_r2t(ScsiTask& task, Frame& made) {
    const ReadyToTransfer wanted = task.data_out_.next_r2t(listener_.new_transfer(task));
    const HeaderSpan header = made.header();
    put_start(header, Opcode::ready_to_transfer, task.tag_);
    wire::put<BasicHeader::kFinal>(header, 1);
    wire::put<BasicHeader::kLun>(header, task.lun_.value);
    wire::put<ResponseHeader::kTargetTransferTag>(header, wanted.tag.value);
    wire::put<ReadyToTransferPdu::kR2tSn>(header, task.next_data_sn_++);
    wire::put<ReadyToTransferPdu::kBufferOffset>(header, wanted.offset);
    wire::put<ReadyToTransferPdu::kDesiredDataTransferLength>(header, wanted.length);
    if (!task.data_out_.wants_r2t()) {
        static_cast<Outgoing&>(task).unlink();
    }
    number(header, Numbering::notice);
    seal(made, {}, true);
}

/// Bytes of data in the task's next Data-In PDU.
std::uint32_t Transmitter::next_data_in(const ScsiTask& task) const {
    const std::uint32_t left = task.data_in_size_ - task.data_in_sent_;
    const std::uint32_t size = std::min({left, max_segment_, max_burst_ - task.burst_sent_});
    const bool staged = data_digest_ && task.response_.data_in_may_change;
    return staged ? std::min(size, std::uint32_t{Stage::kPiece}) : size;
}

void Transmitter::make_data_in(ScsiTask& task, Frame& made, const std::optional<Stage::Piece>& piece) {
    const std::uint32_t size = next_data_in(task);
    const bool last = size == task.data_in_size_ - task.data_in_sent_;
    const HeaderSpan header = made.header();
    put_start(header, Opcode::data_in, task.tag_);
    wire::put<ResponseHeader::kTargetTransferTag>(header, kReservedTag);
    wire::put<DataInPdu::kDataSn>(header, task.next_data_sn_++);
    wire::put<DataInPdu::kBufferOffset>(header, task.data_in_sent_);
    made.data = task.data_in_;
    made.data_size = size;
    if (task.response_.data_in_piped.size > 0) {
        made.pipe = task.response_.data_in_piped.pipe;
    }
    if (piece) {
        copy_to_stage(*piece, made);
    }
    task.data_in_.advance(size);
    task.data_in_sent_ += size;
    task.burst_sent_ += size;
    if (last || task.burst_sent_ == max_burst_) {
        wire::put<BasicHeader::kFinal>(header, 1);
        task.burst_sent_ = 0;
    }
    const Response& response = task.response_;
    if (last && response.status == kGood && response.sense.empty() && !task.bidirectional()) {
        wire::put<DataInPdu::kStatusPresent>(header, 1);
        put_residual(header, residual_of(task, response));
        finish_task(task, made);
        number(header, Numbering::response);
    } else {
        number(header, Numbering::notice);
        wire::put<ResponseHeader::kStatSn>(header, 0);
    }
    seal(made, {}, true);
}

void Transmitter::copy_to_stage(const Stage::Piece& piece, Frame& made) {
    const std::span<std::byte> to = piece.bytes;
    std::size_t done = 0;
    while (done < to.size()) {
        const base::ConstSegment run = made.data.run(to.size() - done);
        made.crc = wire::copy_with_crc32c(made.crc, {run.data, run.size}, to.data() + done);
        made.data.advance(run.size);
        done += run.size;
    }
    made.staged = piece.used;
    made.single = {to.data(), to.size()};
    made.data = SegmentCursor<base::ConstSegment>(std::span{&made.single, 1});
}

void Transmitter::make_response(ScsiTask& task, Frame& made) {
    const Response& response = task.response_;
    const HeaderSpan header = made.header();
    put_start(header, Opcode::scsi_response, task.tag_);
    wire::put<BasicHeader::kFinal>(header, 1);
    wire::put<ScsiResponsePdu::kStatus>(header, response.status);
    wire::put<ScsiResponsePdu::kExpDataSn>(header, task.next_data_sn_);
    put_residual(header, residual_of(task, response));
    if (task.bidirectional()) {
        using Kind = Residual::Kind;
        const Residual read = response.residual_in;
        wire::put<ScsiResponsePdu::kBidirectionalReadOverflow>(header, read.kind == Kind::overflow);
        wire::put<ScsiResponsePdu::kBidirectionalReadUnderflow>(header, read.kind == Kind::underflow);
        wire::put<ScsiResponsePdu::kBidirectionalReadResidual>(
            header, read.kind == Kind::none ? std::uint32_t{0} : read.bytes);
    }
    std::array<std::byte, 2> length{};
    wire::put<ScsiResponsePdu::kSenseLength>(std::span{length},
                                             static_cast<std::uint16_t>(response.sense.size()));
    made.data_size = static_cast<std::uint32_t>(response.sense.size());
    made.single = {response.sense.data(), response.sense.size()};
    made.data = SegmentCursor<base::ConstSegment>(std::span{&made.single, 1});
    finish_task(task, made);
    number(header, Numbering::response);
    seal(made, response.sense.empty() ? wire::Bytes{} : wire::Bytes{length}, true);
}

void Transmitter::finish_task(ScsiTask& task, Frame& made) {
    TARGE_ASSERT(task.state_ == ScsiTask::State::responding);
    static_cast<Outgoing&>(task).unlink();
    task.state_ = ScsiTask::State::leaving;
    made.task = &task;
    made.last = true;
    // The initiator learns with this very PDU that it may send another command.
    if (!task.immediate_) {
        window_.release();
    }
}

}  // namespace targe::iscsi
