// Requests and notices that concern the session as a whole: pings, text, logout, messages.
#include "iscsi/connection.h"
#include "iscsi/discovery.h"

#include <algorithm>
#include <string>
#include <utility>

namespace targe::iscsi {

namespace {

TaskTag tag_of(HeaderView header) {
    return TaskTag{wire::get<BasicHeader::kInitiatorTaskTag>(header)};
}

}  // namespace

void Connection::nop_out() {
    const HeaderView header{incoming_.header};
    if (tag_of(header).value == kReservedTag) {
        // An answer to a ping of ours, or word of a StatSN: mostly that it came is all that matters.
        if (ping_.receipt == TransferTag{wire::get<RequestHeader::kTargetTransferTag>(header)}) {
            ping_ = {};
            host_.receipt_confirmed();
        }
        return;
    }
    if (type_ == SessionType::discovery) {
        reject(RejectReason::command_not_supported, header);  // [RFC 7143 4.3]: text and logout alone
        return;
    }
    ControlPdu& pdu = new_response(Opcode::nop_in, tag_of(header));
    wire::put<ResponseHeader::kTargetTransferTag>(HeaderSpan{pdu.header}, kReservedTag);
    const std::size_t size =
        std::min<std::size_t>(collected_.size(), parameters_.initiator_max_recv_data_segment_length);
    pdu.data.assign(collected_.begin(), collected_.begin() + static_cast<std::ptrdiff_t>(size));
    transmitter_.queue(pdu);
}

void Connection::send_notice(TransferTag tag) {
    ControlPdu& pdu = new_response(Opcode::nop_in, TaskTag{kReservedTag});
    wire::put<ResponseHeader::kTargetTransferTag>(HeaderSpan{pdu.header}, tag.value);
    pdu.numbering = Numbering::notice;
    transmitter_.queue(pdu);
}

void Connection::ask_for_receipt() {
    if (phase_ != Phase::full_feature) {
        return;
    }
    // It is behind all of that in the stream.
    ping_ = {.sent = now_, .waits = true, .receipt = take_transfer_tag()};
    send_notice(*ping_.receipt);
}

void Connection::text_request() {
    const HeaderView header{incoming_.header};
    const bool more = wire::get<TextRequestPdu::kContinue>(header) != 0;
    const TransferTag transfer{wire::get<TextRequestPdu::kTargetTransferTag>(header)};
    if (more && wire::get<TextRequestPdu::kFinal>(header) != 0) {
        reject(RejectReason::protocol_error, header);
        return;
    }
    if (transfer.value == kReservedTag) {
        // A new exchange ends whatever was not finished, [RFC 7143 11.10.4].
        text_.emplace(TextExchange{.tag = tag_of(header),
                                   .negotiation = Negotiation({}, type_, Connections::leading, parameters_)});
    } else if (!text_ || text_->transfer != transfer || text_->tag != tag_of(header)) {
        reject(RejectReason::invalid_pdu_field, header);
        return;
    }
    // [RFC 7143 6.2]: the other side of a C bit is an empty PDU.
    const bool interrupts = text_->answering && (more || !collected_.empty());
    if (text_->answering && !interrupts) {
        send_text(header);
        return;
    }
    if (interrupts || !text_->question.append(collected_)) {
        text_.reset();
        reject(RejectReason::protocol_error, header);
        return;
    }
    if (more) {
        send_text(header);
    } else {
        answer_text_request(header);
    }
}

void Connection::answer_text_request(HeaderView header) {
    const TextSession session{
        .directory = directory_, .from = options_.from, .type = type_, .target_name = target_name_};
    auto answer = answer_text(text_->question.text(), session, text_->negotiation);
    if (!answer) {
        text_.reset();
        reject(RejectReason::protocol_error, header);
        return;
    }
    text_->question.clear();
    text_->answer = std::move(*answer);
    text_->answering = true;
    send_text(header);
}

void Connection::send_text(HeaderView header) {
    ControlPdu& pdu = new_response(Opcode::text_response, text_->tag);
    const HeaderSpan response{pdu.header};
    bool final = false;
    if (text_->answering) {
        const TextAnswer::Piece piece =
            text_->answer.next(parameters_.initiator_max_recv_data_segment_length);
        const auto data = std::as_bytes(std::span{piece.data});
        pdu.data.assign(data.begin(), data.end());
        wire::put<TextResponsePdu::kContinue>(response, piece.more ? 1 : 0);
        text_->answering = piece.more;
        final = !piece.more && wire::get<TextRequestPdu::kFinal>(header) != 0;
    }
    wire::put<BasicHeader::kFinal>(response, final ? 1 : 0);
    if (final) {
        parameters_ = text_->negotiation.parameters();
        transmitter_.set_lengths(parameters_.initiator_max_recv_data_segment_length,
                                 parameters_.max_burst_length);
        text_.reset();
        wire::put<ResponseHeader::kTargetTransferTag>(response, kReservedTag);
    } else {
        text_->transfer = take_transfer_tag();
        wire::put<ResponseHeader::kTargetTransferTag>(response, text_->transfer.value);
    }
    transmitter_.queue(pdu);
}

void Connection::logout_request() {
    const HeaderView header{incoming_.header};
    const bool is_ours = wire::get<LogoutRequestPdu::kConnectionId>(header) == connection_id_;
    switch (static_cast<LogoutReason>(wire::get<LogoutRequestPdu::kReason>(header))) {
        case LogoutReason::close_connection:
            if (!is_ours) {
                answer_logout(tag_of(header), LogoutResponse::connection_id_not_found);
                return;
            }
            break;
        case LogoutReason::close_session:
            break;
        case LogoutReason::remove_connection_for_recovery:
            answer_logout(tag_of(header), LogoutResponse::recovery_not_supported);
            return;
        default:
            reject(RejectReason::invalid_pdu_field, header);
            return;
    }
    phase_ = Phase::logging_out;
    logout_tag_ = tag_of(header);
    // One that was asked to log out has no more time for having obeyed.
    logout_deadline_ = std::min(logout_deadline_.value_or(base::Time::max()), now_ + options_.logout_timeout);
    // Whoever logs out sends no data any more: responses that wait for them would keep the logout waiting.
    while (ScsiTask* const task = tasks_.find_in_state(ScsiTask::State::draining)) {
        end_task(*task, Delivery::abandoned);
    }
    host_.logout();
    end_when_idle();
}

void Connection::session_ended() {
    if (phase_ == Phase::logging_out) {
        session_ended_ = true;
        end_when_idle();
    }
}

void Connection::finish_logout() {
    answer_logout(logout_tag_, LogoutResponse::closed);
    finish("the initiator logged out");
}

void Connection::answer_logout(TaskTag tag, LogoutResponse answer) {
    ControlPdu& pdu = new_response(Opcode::logout_response, tag);
    const HeaderSpan response{pdu.header};
    wire::put<LogoutResponsePdu::kResponse>(response, static_cast<std::uint8_t>(answer));
    wire::put<LogoutResponsePdu::kTime2Wait>(response, parameters_.default_time2wait);
    wire::put<LogoutResponsePdu::kTime2Retain>(response, parameters_.default_time2retain);
    transmitter_.queue(pdu);
}

ControlPdu& Connection::new_async(AsyncEvent event) {
    ControlPdu& pdu = new_response(Opcode::async_message, TaskTag{kReservedTag});
    wire::put<AsyncMessagePdu::kAsyncEvent>(HeaderSpan{pdu.header}, static_cast<std::uint8_t>(event));
    return pdu;
}

void Connection::report_event(Lun lun, std::span<const std::byte> sense) {
    // An initiator that reads nothing gets no heap of news: its unit attention waits for it all the same.
    if (phase_ != Phase::full_feature || type_ == SessionType::discovery || transmitter_.congested()) {
        return;
    }
    ControlPdu& pdu = new_async(AsyncEvent::scsi_event);
    wire::put<BasicHeader::kLun>(HeaderSpan{pdu.header}, lun.value);
    pdu.data = {static_cast<std::byte>(sense.size() >> 8U), static_cast<std::byte>(sense.size())};
    pdu.data.insert(pdu.data.end(), sense.begin(), sense.end());
    transmitter_.queue(pdu);
}

void Connection::request_logout(base::Duration limit, base::Time now) {
    if (phase_ != Phase::full_feature || logout_deadline_) {
        return;
    }
    ControlPdu& pdu = new_async(AsyncEvent::logout_request);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count();
    wire::put<AsyncMessagePdu::kParameter3>(
        HeaderSpan{pdu.header}, static_cast<std::uint16_t>(std::clamp<std::int64_t>(seconds, 0, 0xffff)));
    transmitter_.queue(pdu);
    logout_deadline_ = now + limit;
}

}  // namespace targe::iscsi
