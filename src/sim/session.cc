#include "sim/session.h"

#include <algorithm>
#include <utility>

namespace targe::sim {

using iscsi::BasicHeader;
using iscsi::Opcode;
using iscsi::RequestHeader;

namespace {

constexpr std::uint64_t kLunShift = 48;  // peripheral device addressing, [SAM-5 r21 4.7]

bool reads(Kind kind) {
    switch (kind) {
        case Kind::inquiry:
        case Kind::request_sense:
        case Kind::report_luns:
        case Kind::read_capacity:
        case Kind::read:
        case Kind::mode_sense:
        case Kind::persistent_reserve_in:
            return true;
        default:
            return false;
    }
}

}  // namespace

Session::Session(World& world, Referee& referee, SessionUser& user, SessionSettings settings)
    : world_(world),
      referee_(referee),
      user_(user),
      settings_(std::move(settings)),
      protocol_(referee, settings_.number) {}

Session::~Session() {
    *alive_ = false;
    if (link_) {
        link_->drop();
    }
}

std::vector<Task*> Session::waiting() const {
    std::vector<Task*> all;
    for (const auto& [tag, task] : tasks_) {
        all.push_back(task);
    }
    return all;
}

void Session::put(const Pdu& pdu) {
    link_->send(encode(pdu));
}

Pdu Session::request(Opcode opcode) {
    Pdu pdu;
    pdu.put<BasicHeader::kOpcode>(static_cast<std::uint8_t>(opcode))
        .put<BasicHeader::kFinal>(1)
        .put<RequestHeader::kCmdSn>(cmd_sn_);
    return pdu;
}

void Session::log_in(std::shared_ptr<Link> link) {
    link_ = std::move(link);
    Pdu pdu;
    using L = iscsi::LoginRequestPdu;
    pdu.put<L::kOpcode>(static_cast<std::uint8_t>(Opcode::login_request))
        .put<L::kImmediate>(1)
        .put<L::kTransit>(1)
        .put<L::kCurrentStage>(1)
        .put<L::kNextStage>(3)
        .put<L::kInitiatorSessionId>(settings_.initiator_session_id)
        .put<L::kInitiatorTaskTag>(next_tag_++)
        .put<L::kConnectionId>(1)
        .put<L::kCmdSn>(cmd_sn_);
    const auto yes_or_no = [](bool value) { return std::string{value ? "Yes" : "No"}; };
    pdu.data = iscsi::testing::bytes_of(
        "InitiatorName=" + settings_.initiator_name +
        ";SessionType=Normal;TargetName=" + settings_.target_name +
        ";HeaderDigest=None;DataDigest=None;InitialR2T=" + yes_or_no(settings_.initial_r2t) +
        ";ImmediateData=" + yes_or_no(settings_.immediate_data) + ";MaxBurstLength=" +
        std::to_string(settings_.max_burst) + ";FirstBurstLength=" + std::to_string(settings_.first_burst) +
        ";MaxRecvDataSegmentLength=" + std::to_string(settings_.max_receive) +
        ";MaxOutstandingR2T=4;iSCSIProtocolLevel=2;");
    referee_.session_asked({.initiator = settings_.initiator, .session = settings_.number});
    put(pdu);
}

void Session::send(Task& task) {
    task.session = settings_.number;
    task.tag = next_tag_++;
    task.sequence = sequence_++;
    using C = iscsi::ScsiCommandPdu;
    Pdu pdu = request(Opcode::scsi_command);
    pdu.put<C::kImmediate>(task.immediate ? 1 : 0)
        .put<C::kRead>(reads(task.kind) ? 1 : 0)
        .put<C::kWrite>(task.out.empty() ? 0 : 1)
        .put<C::kAttribute>(static_cast<std::uint8_t>(task.attribute))
        .put<C::kLun>(std::uint64_t{task.lun} << kLunShift)
        .put<C::kInitiatorTaskTag>(task.tag)
        .put<C::kExpectedDataTransferLength>(task.out.empty() ? task.in_size : task.out.size());
    std::ranges::copy(task.cdb, pdu.header.begin() + C::kCdb);
    cmd_sn_ += task.immediate ? 0 : 1;
    const std::uint32_t burst =
        std::min<std::uint32_t>(settings_.first_burst, static_cast<std::uint32_t>(task.out.size()));
    std::uint32_t immediate = 0;
    if (settings_.immediate_data) {
        immediate = std::min(burst, target_max_receive_);
        immediate =
            world_.below(4) == 0 ? static_cast<std::uint32_t>(world_.below(immediate + 1)) & ~3U : immediate;
    }
    pdu.data.assign(task.out.begin(), task.out.begin() + immediate);
    const bool unsolicited = !settings_.initial_r2t && immediate < burst;
    pdu.put<BasicHeader::kFinal>(unsolicited ? 0 : 1);
    tasks_.emplace(task.tag, &task);
    put(pdu);
    under_way_.emplace_back(link_->sent(), &task);
    referee_.sent(task);
    if (unsolicited) {
        send_data(task, iscsi::kReservedTag, immediate, burst - immediate);
    }
}

/// In the order of the numbers, in pieces of the initiator's choice; now and then late.
void Session::send_data(const Task& task, std::uint32_t transfer, std::uint32_t offset, std::uint32_t size) {
    const auto send = [this, &task, transfer, offset, size] {
        std::uint32_t number = 0;
        for (std::uint32_t done = 0; done < size;) {
            std::uint32_t piece = std::min(size - done, target_max_receive_);
            piece =
                world_.below(4) == 0 ? static_cast<std::uint32_t>(world_.below(piece)) / 4 * 4 + 4 : piece;
            piece = std::min(piece, size - done);
            Pdu pdu;
            using D = iscsi::DataOutPdu;
            pdu.put<D::kOpcode>(static_cast<std::uint8_t>(Opcode::data_out))
                .put<D::kFinal>(done + piece == size ? 1 : 0)
                .put<D::kLun>(std::uint64_t{task.lun} << kLunShift)
                .put<D::kInitiatorTaskTag>(task.tag)
                .put<D::kTargetTransferTag>(transfer)
                .put<D::kDataSn>(number++)
                .put<D::kBufferOffset>(offset + done);
            pdu.data.assign(task.out.begin() + offset + done, task.out.begin() + offset + done + piece);
            put(pdu);
            done += piece;
        }
    };
    if (world_.below(3) != 0) {
        send();
        return;
    }
    const Duration late =
        world_.below(8) == 0 ? std::chrono::milliseconds{500} : std::chrono::milliseconds{2};
    world_.after(world_.between({}, late), nullptr, [this, send, alive = alive_] {
        if (*alive && link_ && (state_ == State::up || state_ == State::logging_out)) {
            send();
        }
    });
}

void Session::send(Function& function) {
    function.session = settings_.number;
    function.tag = next_tag_++;
    function.sequence = sequence_++;
    using M = iscsi::TaskManagementRequestPdu;
    Pdu pdu = request(Opcode::task_management_request);
    pdu.put<M::kImmediate>(1)
        .put<M::kFunction>(static_cast<std::uint8_t>(function.function))
        .put<M::kLun>(std::uint64_t{function.lun} << kLunShift)
        .put<M::kInitiatorTaskTag>(function.tag)
        .put<M::kReferencedTaskTag>(function.task != nullptr ? function.task->tag : iscsi::kReservedTag)
        .put<M::kRefCmdSn>(cmd_sn_ - 1);
    pdu.put<BasicHeader::kFinal>(1);
    functions_.emplace(function.tag, &function);
    put(pdu);
    referee_.sent(function);
}

void Session::log_out() {
    state_ = State::logging_out;
    broken();
    Pdu pdu = request(Opcode::logout_request);
    pdu.put<iscsi::LogoutRequestPdu::kImmediate>(1)
        .put<iscsi::LogoutRequestPdu::kInitiatorTaskTag>(next_tag_++)
        .put<iscsi::LogoutRequestPdu::kConnectionId>(1);
    put(pdu);
}

void Session::drop() {
    state_ = State::over;
    if (const auto link = std::exchange(link_, nullptr)) {
        link->drop();
    }
}

void Session::broken() {
    if (!std::exchange(perhaps_lost_, true)) {
        referee_.session_lost({.initiator = settings_.initiator, .session = settings_.number});
    }
}

void Session::lost() {
    link_ = nullptr;
    over();
}

void Session::over() {
    if (std::exchange(state_, State::over) == State::over) {
        return;
    }
    if (const auto link = std::exchange(link_, nullptr)) {
        link->drop();
    }
    world_.after({}, nullptr, [this, alive = alive_] {
        if (*alive) {
            user_.session_over();
        }
    });
}

void Session::consumed(std::uint64_t total) {
    while (!under_way_.empty() && under_way_.front().first <= total) {
        under_way_.front().second->received_at = world_.now();
        under_way_.pop_front();
    }
}

}  // namespace targe::sim
