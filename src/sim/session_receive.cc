// What the target sends: at once for the record, and when it arrives for the initiator.
#include "iscsi/text.h"
#include "sim/session.h"

#include <algorithm>
#include <utility>

namespace targe::sim {

using iscsi::BasicHeader;
using iscsi::Opcode;

namespace {

/// SENSE KEY, ASC and ASCQ of fixed or descriptor sense data, [SPC-4 r37 4.5].
std::uint32_t sense_code(std::span<const std::byte> data) {
    if (data.size() < 2 + 14) {
        return 0;
    }
    const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(data[2 + i]); };
    const bool descriptor = (at(0) & 0x7fU) >= 0x72;
    return descriptor ? (at(1) & 0xfU) << 16U | at(2) << 8U | at(3)
                      : (at(2) & 0xfU) << 16U | at(12) << 8U | at(13);
}

std::uint32_t number_in(std::string_view text, std::uint32_t otherwise) {
    std::uint32_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return otherwise;
        }
        value = value * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return text.empty() ? otherwise : value;
}

}  // namespace

void Session::emitted(std::span<const std::byte> bytes) {
    stream_.add(bytes);
    while (auto pdu = stream_.take()) {
        emit(*std::move(pdu));
    }
}

Task* Session::find(const Pdu& pdu) {
    const auto at = tasks_.find(pdu.get<BasicHeader::kInitiatorTaskTag>());
    // A task that the initiator itself has ended is as gone as one that was answered. Those that others ended
    // may have had their answer on its way.
    if (at == tasks_.end() || at->second->answered_at) {
        protocol_.stray(pdu);
        return nullptr;
    }
    return at->second;
}

void Session::emit(Pdu pdu) {
    protocol_.sent(pdu, cmd_sn_ - 1);
    Arriving arriving{.end = stream_.end(), .pdu = std::move(pdu)};
    switch (arriving.pdu.opcode()) {
        case Opcode::login_response:
            emit_login(arriving.pdu);
            break;
        case Opcode::data_in:
        case Opcode::scsi_response:
        case Opcode::ready_to_transfer:
            arriving.task = find(arriving.pdu);
            if (arriving.task == nullptr) {
                return;
            }
            if (arriving.pdu.opcode() == Opcode::data_in) {
                emit_data_in(*arriving.task, arriving.pdu);
            } else if (arriving.pdu.opcode() == Opcode::scsi_response) {
                emit_status(*arriving.task, arriving.pdu);
            } else {
                protocol_.ready_to_transfer(*arriving.task, arriving.pdu, settings_.max_burst);
            }
            break;
        case Opcode::task_management_response:
            emit_function(arriving);
            break;
        case Opcode::reject:
            emit_reject(arriving);
            break;
        case Opcode::logout_response:
            referee_.session_ended({.initiator = settings_.initiator, .session = settings_.number});
            break;
        default:
            break;
    }
    arriving_.push_back(std::move(arriving));
}

void Session::emit_login(const Pdu& pdu) {
    using L = iscsi::LoginResponsePdu;
    if (pdu.get<L::kStatusClass>() == 0 && pdu.get<L::kTransit>() != 0 && !std::exchange(began_, true)) {
        referee_.session_began({.initiator = settings_.initiator, .session = settings_.number});
    }
}

void Session::emit_data_in(Task& task, const Pdu& pdu) {
    protocol_.data_in(task, pdu);
    task.in.insert(task.in.end(), pdu.data.begin(), pdu.data.end());
    if (pdu.get<iscsi::DataInPdu::kStatusPresent>() != 0) {
        emit_status(task, pdu);
    }
}

void Session::emit_status(Task& task, const Pdu& pdu) {
    task.status = pdu.get<iscsi::ScsiResponsePdu::kStatus>();
    if (pdu.opcode() == Opcode::scsi_response) {
        task.sense = sense_code(pdu.data);
        if (pdu.get<iscsi::ScsiResponsePdu::kResponse>() != 0) {
            referee_.fail("protocol", "TARGET FAILURE: " + describe(task));
        }
    }
    protocol_.status(task, pdu);
    referee_.answered(task);
}

void Session::emit_function(Arriving& arriving) {
    const auto at = functions_.find(arriving.pdu.get<BasicHeader::kInitiatorTaskTag>());
    if (at == functions_.end() || at->second->answered_at) {
        protocol_.stray(arriving.pdu);
        return;
    }
    arriving.function = at->second;
    at->second->response = static_cast<iscsi::TaskFunctionResponse>(
        arriving.pdu.get<iscsi::TaskManagementResponsePdu::kResponse>());
    at->second->answered_at = world_.now();
    referee_.answered(*at->second);
    // From here on the tasks that it has ended must not be heard of.
    for (auto task = tasks_.begin(); task != tasks_.end();) {
        const bool ended = !task->second->answered_at && ends(*at->second, *task->second);
        if (ended) {
            arriving_.push_back({.end = arriving.end, .pdu = {}, .task = task->second});
        }
        task = ended ? tasks_.erase(task) : std::next(task);
    }
}

void Session::emit_reject(Arriving& arriving) {
    if (arriving.pdu.data.size() < iscsi::kHeaderSize) {
        protocol_.stray(arriving.pdu);
        return;
    }
    Pdu refused;
    std::copy_n(arriving.pdu.data.begin(), iscsi::kHeaderSize, refused.header.begin());
    const std::uint32_t tag = refused.get<BasicHeader::kInitiatorTaskTag>();
    if (const auto task = tasks_.find(tag); task != tasks_.end()) {
        arriving.task = task->second;
        referee_.ended_unanswered(*task->second);
    } else if (const auto function = functions_.find(tag); function != functions_.end()) {
        arriving.function = function->second;
        referee_.ended_unanswered(*function->second);
    }
}

void Session::arrived(std::uint64_t total) {
    const auto alive = alive_;
    while (*alive && state_ != State::over && !arriving_.empty() && arriving_.front().end <= total) {
        Arriving first = std::move(arriving_.front());
        arriving_.pop_front();
        arrive(first);
    }
}

void Session::arrive(Arriving& arriving) {
    const Pdu& pdu = arriving.pdu;
    const std::uint32_t max = pdu.get<iscsi::ResponseHeader::kMaxCmdSn>();
    if (pdu.opcode() != Opcode::nop_out && static_cast<std::int32_t>(max - max_cmd_sn_) > 0) {
        max_cmd_sn_ = max;
    }
    switch (pdu.opcode()) {
        case Opcode::login_response:
            arrive_login(pdu);
            return;
        case Opcode::nop_in:
            arrive_nop(pdu);
            return;
        case Opcode::ready_to_transfer:
            arrive_r2t(*arriving.task, pdu);
            return;
        case Opcode::logout_response:
            over();
            return;
        case Opcode::data_in:
            if (pdu.get<iscsi::DataInPdu::kStatusPresent>() == 0) {
                return;
            }
            break;
        case Opcode::nop_out:  // no PDU: a task that its initiator's function has ended
        default:
            break;
    }
    if (arriving.task != nullptr) {
        tasks_.erase(arriving.task->tag);
        arriving.task->heard = true;
        user_.ended(*arriving.task);
    } else if (arriving.function != nullptr) {
        functions_.erase(arriving.function->tag);
        user_.ended(*arriving.function);
    }
}

void Session::arrive_login(const Pdu& pdu) {
    using L = iscsi::LoginResponsePdu;
    if (pdu.get<L::kStatusClass>() != 0 || pdu.get<L::kTransit>() == 0) {
        over();
        return;
    }
    std::string text(pdu.data.size(), '\0');
    std::ranges::transform(pdu.data, text.begin(), [](std::byte b) { return static_cast<char>(b); });
    if (const auto pairs = iscsi::parse_text(text)) {
        for (const iscsi::TextPair& pair : *pairs) {
            if (pair.key == "MaxRecvDataSegmentLength") {
                target_max_receive_ = number_in(pair.value, target_max_receive_);
            } else if (pair.key == "MaxBurstLength") {
                settings_.max_burst = number_in(pair.value, settings_.max_burst);
            } else if (pair.key == "FirstBurstLength") {
                settings_.first_burst = number_in(pair.value, settings_.first_burst);
            } else if (pair.key == "InitialR2T") {
                settings_.initial_r2t = pair.value == "Yes";
            } else if (pair.key == "ImmediateData") {
                settings_.immediate_data = pair.value == "Yes";
            }
        }
    }
    state_ = State::up;
}

void Session::arrive_nop(const Pdu& pdu) {
    const std::uint32_t transfer = pdu.get<iscsi::NopInPdu::kTargetTransferTag>();
    if (transfer == iscsi::kReservedTag || !link_) {
        return;
    }
    Pdu answer = request(Opcode::nop_out);
    answer.put<iscsi::NopOutPdu::kImmediate>(1)
        .put<iscsi::NopOutPdu::kInitiatorTaskTag>(iscsi::kReservedTag)
        .put<iscsi::NopOutPdu::kTargetTransferTag>(transfer)
        .put<iscsi::NopOutPdu::kLun>(pdu.get<iscsi::NopInPdu::kLun>());
    put(answer);
}

void Session::arrive_r2t(const Task& task, const Pdu& pdu) {
    if (link_) {
        send_data(task, pdu.get<iscsi::ReadyToTransferPdu::kTargetTransferTag>(),
                  pdu.get<iscsi::ReadyToTransferPdu::kBufferOffset>(),
                  pdu.get<iscsi::ReadyToTransferPdu::kDesiredDataTransferLength>());
    }
}

}  // namespace targe::sim
