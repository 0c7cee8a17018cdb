#include "sim/protocol_checker.h"

#include "iscsi/pdu_scsi.h"
#include "iscsi/pdu_session.h"

#include <fmt/format.h>

namespace targe::sim {

using iscsi::Opcode;
using iscsi::ResponseHeader;

namespace {

bool takes_stat_sn(const Pdu& pdu) {
    switch (pdu.opcode()) {
        case Opcode::data_in:
            return pdu.get<iscsi::DataInPdu::kStatusPresent>() != 0;
        case Opcode::ready_to_transfer:
            return false;
        case Opcode::nop_in:
            return pdu.get<iscsi::BasicHeader::kInitiatorTaskTag>() != iscsi::kReservedTag;
        default:
            return true;
    }
}

/// Data-In without status has no StatSN at all.
bool has_stat_sn(const Pdu& pdu) {
    return pdu.opcode() != Opcode::data_in || pdu.get<iscsi::DataInPdu::kStatusPresent>() != 0;
}

bool before(std::uint32_t one, std::uint32_t other) {
    return static_cast<std::int32_t>(one - other) < 0;
}

}  // namespace

void ProtocolChecker::fail(const std::string& what) {
    referee_.fail("protocol", fmt::format("session {}: {}", session_, what));
}

void ProtocolChecker::sent(const Pdu& pdu, std::uint32_t last_cmd_sn) {
    numbers(pdu, last_cmd_sn);
    if (pdu.opcode() == Opcode::reject &&
        pdu.get<iscsi::RejectPdu::kReason>() !=
            static_cast<std::uint8_t>(iscsi::RejectReason::too_many_immediate_commands)) {
        fail(fmt::format("rejected for reason {:02x}", pdu.get<iscsi::RejectPdu::kReason>()));
    }
}

void ProtocolChecker::numbers(const Pdu& pdu, std::uint32_t last_cmd_sn) {
    const std::uint32_t stat_sn = pdu.get<ResponseHeader::kStatSn>();
    const std::uint32_t exp_cmd_sn = pdu.get<ResponseHeader::kExpCmdSn>();
    const std::uint32_t max_cmd_sn = pdu.get<ResponseHeader::kMaxCmdSn>();
    if (!begun_) {
        begun_ = true;
        stat_sn_ = stat_sn;
        exp_cmd_sn_ = exp_cmd_sn;
        max_cmd_sn_ = max_cmd_sn;
    }
    if (has_stat_sn(pdu) && stat_sn != stat_sn_) {
        fail(fmt::format("StatSN {} where {} is due", stat_sn, stat_sn_));
    }
    stat_sn_ += takes_stat_sn(pdu) ? 1 : 0;
    if (before(exp_cmd_sn, exp_cmd_sn_) || before(last_cmd_sn + 1, exp_cmd_sn)) {
        fail(fmt::format("ExpCmdSN {} after {}, and {} was sent last", exp_cmd_sn, exp_cmd_sn_, last_cmd_sn));
    }
    if (before(max_cmd_sn, max_cmd_sn_)) {
        fail(fmt::format("MaxCmdSN went back from {} to {}", max_cmd_sn_, max_cmd_sn));
    }
    if (before(max_cmd_sn, exp_cmd_sn - 1)) {
        fail(fmt::format("MaxCmdSN {} is below ExpCmdSN {} - 1", max_cmd_sn, exp_cmd_sn));
    }
    exp_cmd_sn_ = exp_cmd_sn;
    max_cmd_sn_ = max_cmd_sn;
}

void ProtocolChecker::stray(const Pdu& pdu) {
    fail(fmt::format("PDU {:02x} with status {:02x} for tag {:x}, which nobody waits for",
                     static_cast<int>(pdu.opcode()), pdu.get<iscsi::ScsiResponsePdu::kStatus>(),
                     pdu.get<iscsi::BasicHeader::kInitiatorTaskTag>()));
}

void ProtocolChecker::data_in(const Task& task, const Pdu& pdu) {
    const std::uint32_t offset = pdu.get<iscsi::DataInPdu::kBufferOffset>();
    if (offset != task.in.size()) {
        fail(fmt::format("Data-In at {} where {} is due: {}", offset, task.in.size(), describe(task)));
    }
    if (offset + pdu.data.size() > task.in_size) {
        fail(fmt::format("{} bytes of Data-In: {}", offset + pdu.data.size(), describe(task)));
    }
}

void ProtocolChecker::status(const Task& task, const Pdu& pdu) {
    const bool underflow = pdu.get<iscsi::ScsiResponsePdu::kUnderflow>() != 0;
    const std::uint32_t residual = underflow ? pdu.get<iscsi::ScsiResponsePdu::kResidual>() : 0;
    if (task.in_size > 0 && task.status == kGood && residual + task.in.size() != task.in_size) {
        fail(fmt::format("{} bytes and a residual of {} for {}: {}", task.in.size(), residual, task.in_size,
                         describe(task)));
    }
}

void ProtocolChecker::ready_to_transfer(const Task& task, const Pdu& pdu, std::uint32_t max_burst) {
    const std::uint32_t offset = pdu.get<iscsi::ReadyToTransferPdu::kBufferOffset>();
    const std::uint32_t length = pdu.get<iscsi::ReadyToTransferPdu::kDesiredDataTransferLength>();
    if (length == 0 || length > max_burst || offset + length > task.out.size()) {
        fail(fmt::format("R2T for {}+{}: {}", offset, length, describe(task)));
    }
}

}  // namespace targe::sim
