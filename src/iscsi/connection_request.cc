// The order of requests, and what becomes of each kind.
#include "iscsi/connection.h"

#include <algorithm>

namespace targe::iscsi {

namespace {

/// The requests that the initiator numbers, [RFC 7143 4.2.2.1].
bool is_numbered(HeaderView header) {
    switch (opcode_of(header)) {
        case Opcode::nop_out:
            // A NOP-Out that wants no answer is always immediate, [RFC 7143 11.18].
            return wire::get<BasicHeader::kInitiatorTaskTag>(header) != kReservedTag;
        case Opcode::scsi_command:
        case Opcode::task_management_request:
        case Opcode::text_request:
        case Opcode::logout_request:
            return true;
        default:
            return false;
    }
}

}  // namespace

bool Connection::admit(HeaderView header, wire::Bytes additional, std::uint32_t length) {
    if (!is_numbered(header) || wire::get<BasicHeader::kImmediate>(header) != 0) {
        return true;
    }
    const CmdSn number{wire::get<RequestHeader::kCmdSn>(header)};
    switch (window_.place(number)) {
        case CommandWindow::Place::outside:
            return false;
        case CommandWindow::Place::next:
            window_.advance();
            return true;
        case CommandWindow::Place::early:
            break;
    }
    if (!held_.contains(number)) {
        incoming_.additional.assign(additional.begin(), additional.end());
        collect(Purpose::early, length);
    }
    return false;
}

void Connection::begin_request(HeaderView header, wire::Bytes additional, std::uint32_t length) {
    const Opcode opcode = opcode_of(header);
    if (opcode == Opcode::data_out) {
        begin_data_out(header, length);
        return;
    }
    if (phase_ != Phase::full_feature || !admit(header, additional, length)) {
        return;
    }
    switch (opcode) {
        case Opcode::scsi_command:
            begin_command(header, additional, length);
            break;
        case Opcode::nop_out:
        case Opcode::task_management_request:
        case Opcode::text_request:
        case Opcode::logout_request:
            collect(Purpose::request, length);
            break;
        case Opcode::snack_request:
            reject(RejectReason::snack_reject, header);
            break;
        case Opcode::login_request:
            reject(RejectReason::protocol_error, header);
            finish("the initiator tried to log in again");
            break;
        default:
            reject(RejectReason::command_not_supported, header);
            break;
    }
}

void Connection::end_request() {
    switch (opcode_of(HeaderView{incoming_.header})) {
        case Opcode::nop_out:
            nop_out();
            break;
        case Opcode::task_management_request:
            management_request();
            break;
        case Opcode::text_request:
            text_request();
            break;
        default:
            logout_request();
            break;
    }
}

ControlPdu& Connection::new_response(Opcode opcode, TaskTag tag) {
    ControlPdu& pdu = transmitter_.new_control();
    const HeaderSpan header{pdu.header};
    wire::put<BasicHeader::kOpcode>(header, static_cast<std::uint8_t>(opcode));
    wire::put<BasicHeader::kFinal>(header, 1);
    wire::put<BasicHeader::kInitiatorTaskTag>(header, tag.value);
    return pdu;
}

void Connection::reject(RejectReason reason, HeaderView refused) {
    ControlPdu& pdu = new_response(Opcode::reject, TaskTag{kReservedTag});
    wire::put<RejectPdu::kReason>(HeaderSpan{pdu.header}, static_cast<std::uint8_t>(reason));
    pdu.data.assign(refused.begin(), refused.end());
    transmitter_.queue(pdu);
}

}  // namespace targe::iscsi
