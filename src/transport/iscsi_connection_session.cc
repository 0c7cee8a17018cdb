#include "base/log.h"
#include "engine/lun_field.h"
#include "transport/iscsi_connection.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace targe::transport {
namespace {

/// A handler that does not say for so long whether it lets a nexus use its unit keeps no login waiting.
constexpr base::Duration kMostForAdmission = std::chrono::seconds{1};

IscsiCommand& as_command(iscsi::ScsiTask& task) {
    return static_cast<IscsiCommand&>(task);
}
IscsiCommand& as_command(engine::Command& command) {
    return static_cast<IscsiCommand&>(command);
}

scsi::TaskAttribute translated(iscsi::TaskAttribute attribute) {
    switch (attribute) {
        case iscsi::TaskAttribute::ordered:
            return scsi::TaskAttribute::ordered;
        case iscsi::TaskAttribute::head_of_queue:
            return scsi::TaskAttribute::head_of_queue;
        case iscsi::TaskAttribute::aca:
            return scsi::TaskAttribute::aca;
        case iscsi::TaskAttribute::untagged:
        case iscsi::TaskAttribute::simple:
            break;
    }
    return scsi::TaskAttribute::simple;
}

iscsi::Residual translated(const engine::Residual& residual) {
    using Kind = iscsi::Residual::Kind;
    switch (residual.kind) {
        case engine::Residual::Kind::underflow:
            return {.kind = Kind::underflow, .bytes = residual.bytes};
        case engine::Residual::Kind::overflow:
            return {.kind = Kind::overflow, .bytes = residual.bytes};
        case engine::Residual::Kind::none:
            break;
    }
    return {};
}

/// [RFC 7143 11.4.7.2]
scsi::Outcome outcome_of(iscsi::DataOutFailure failure) {
    using enum iscsi::DataOutFailure;
    const auto aborted = [](scsi::Asc asc) {
        return scsi::Sense{.key = scsi::SenseKey::aborted_command, .asc = asc};
    };
    switch (failure) {
        case digest_error:
            return aborted(scsi::Asc::protocol_service_crc_error);
        case unexpected_unsolicited:
            return aborted(scsi::Asc::write_error_unexpected_unsolicited_data);
        case incorrect_amount:
            return aborted(scsi::Asc::write_error_not_enough_unsolicited_data);
        case no_room:
            return scsi::Status::busy;
    }
    __builtin_unreachable();
}

/// Nothing where the engine has no such function.
std::optional<engine::TaskFunction> translated(iscsi::TaskFunction function) {
    using From = iscsi::TaskFunction;
    using To = engine::TaskFunction;
    switch (function) {
        case From::abort_task:
            return To::abort_task;
        case From::abort_task_set:
            return To::abort_task_set;
        case From::clear_aca:
            return To::clear_aca;
        case From::clear_task_set:
            return To::clear_task_set;
        case From::logical_unit_reset:
            return To::logical_unit_reset;
        case From::target_warm_reset:
            return To::target_warm_reset;
        case From::target_cold_reset:
            return To::target_cold_reset;
        case From::query_task:
            return To::query_task;
        case From::query_task_set:
            return To::query_task_set;
        case From::i_t_nexus_reset:
            return To::i_t_nexus_reset;
        case From::query_async_event:
            return To::query_asynchronous_event;
        case From::task_reassign:
            break;
    }
    return std::nullopt;
}

iscsi::TaskFunctionResponse translated(engine::TaskResponse response) {
    using To = iscsi::TaskFunctionResponse;
    switch (response) {
        case engine::TaskResponse::function_complete:
            return To::function_complete;
        case engine::TaskResponse::function_succeeded:
            return To::function_succeeded;
        case engine::TaskResponse::task_does_not_exist:
            return To::task_does_not_exist;
        case engine::TaskResponse::lun_does_not_exist:
            return To::lun_does_not_exist;
        case engine::TaskResponse::not_supported:
            return To::function_not_supported;
        case engine::TaskResponse::function_rejected:
            return To::function_rejected;
    }
    __builtin_unreachable();
}

}  // namespace

void IscsiConnection::establish(const iscsi::Establish& login) {
    if (login.type == iscsi::SessionType::normal) {
        // A discovery session stays counted until it ends: nothing else keeps one address from holding every
        // connection with them.
        login_finished();
    }
    login_ = login;
    state_ = SessionState::asked;
    SessionRequest request{.target = {},
                           .initiator = login.initiator_name,
                           .initiator_session_id = login.initiator_session_id,
                           .portal_group = login.portal_group_tag,
                           .target_session_handle = login.target_session_handle,
                           .connection_id = login.connection_id,
                           .parameters = login.parameters};
    if (login.type == iscsi::SessionType::normal) {
        request.target = login.target_name;
        if (const TargetSettings* const target = service_.find_target(login.target_name); target != nullptr) {
            request.max_sessions = target->max_sessions;
        }
    }
    service_.registry().request(*this, *core_, std::move(request));
}

void IscsiConnection::granted(std::expected<SessionGrant, SessionRefusal> answer) {
    if (!answer) {
        state_ = SessionState::none;
        if (!stream_closed_) {
            protocol_.refused(answer.error().status, answer.error().reason);
            settle();
        }
        finish_when_done();
        return;
    }
    grant_ = *std::move(answer);
    state_ = SessionState::granted;
    if (stream_closed_ || protocol_.is_over()) {
        end_session();
        return;
    }
    since_ = core_->now();
    settled_at_ = since_;
    protocol_.use(grant_.parameters);
    if (login_->type == iscsi::SessionType::discovery) {
        protocol_.established(grant_.target_session_handle);
    } else if (const TargetSettings* const target = service_.find_target(login_->target_name)) {
        join(*target);
    } else {
        protocol_.refused(iscsi::LoginStatus::not_found, "the target is not served here");
        end_session();
    }
    settle();
}

void IscsiConnection::join(const TargetSettings& target) {
    tells_events_ = target.async_events;
    drops_seen_ = service_.drops_of(*target.target);
    nexus_ = service_.engine().open_nexus(
        *core_, *target.target,
        {.initiator_name = login_->initiator_name,
         .initiator_session_id = login_->initiator_session_id,
         .portal_group = login_->portal_group_tag},
        *this, grant_.reinstated ? engine::NexusOrigin::reinstated : engine::NexusOrigin::fresh);
    const base::Duration login_limit = service_.settings().connection.login_timeout;
    const base::Duration limit =
        login_limit > base::Duration{} ? std::min(kMostForAdmission, login_limit / 2) : kMostForAdmission;
    nexus_->await_admission(limit, [this, tuning = target.tuning] {
        protocol_.established(grant_.target_session_handle, tuning);
        settle();
    });
}

void IscsiConnection::give_way() {
    stop_moving();
    drop("a newer session of the same initiator port takes its place");
    // The new session waits for us. Mostly nobody reads any more what this one still has to send.
    stream_->abort();
    end_session();
}

void IscsiConnection::forgotten() {
    state_ = SessionState::forgotten;
    finish_when_done();
}

void IscsiConnection::logout() {
    logging_out_ = true;
    end_session();
}

void IscsiConnection::end_session() {
    if (state_ != SessionState::granted) {
        return;
    }
    state_ = SessionState::ending;
    if (nexus_) {
        nexus_->close([this] { nexus_closed(); }, [this] { nexus_overdue(); });
    } else {
        nexus_closed();
    }
}

void IscsiConnection::nexus_closed() {
    nexus_closed_ = true;
    if (state_ == SessionState::ending) {  // not overdue
        using enum SessionRegistry::Course;
        state_ = SessionState::ended;
        service_.registry().ended(*this, *core_, nexus_ ? begun : not_begun);
    }
    answer_logout();
    finish_when_done();
}

void IscsiConnection::answer_logout() {
    if (std::exchange(logging_out_, false) && !stream_closed_) {
        protocol_.session_ended();
        settle();
    }
}

/// A device holds on to commands of ours. The engine keeps our successor from its unit until it lets go, so
/// that the initiator may come back for its other units.
void IscsiConnection::nexus_overdue() {
    TARGE_LOG(warning, "iscsi",
              "{} ({}): a device does not let go of commands of this session, which has ended; until it does "
              "its unit is BUSY when the initiator comes back",
              peer_, login_->initiator_name);
    state_ = SessionState::ended;
    service_.registry().ended(*this, *core_, SessionRegistry::Course::begun);
    answer_logout();
}

iscsi::ScsiTask* IscsiConnection::new_task() {
    return commands_.take();
}

void IscsiConnection::command(iscsi::ScsiTask& task) {
    if (!nexus_ || state_ != SessionState::granted) {
        protocol_.abandon(task);
        return;
    }
    IscsiCommand& both = as_command(task);
    engine::Command& command = both;
    command.reset();
    command.cdb.assign(task.cdb());
    command.lun = task.lun().value;
    command.tag = engine::TaskTag{task.tag().value};
    command.attribute = translated(task.attribute());
    command.expected = {
        .known = true, .out_bytes = task.expected_data_out(), .in_bytes = task.expected_data_in()};
    command.takes_pages = stream_->takes_pages() && protocol_.takes_pages();
    both.submitted = true;
    nexus_->submit(command, protocol_.data_here());
    // It has them, and no memory for them was named: they were taken from where they are.
    if (command.data_out.size > 0 && command.data_out.segments.empty()) {
        protocol_.data_taken();
    }
}

void IscsiConnection::data_out_wanted(engine::Command& command) {
    protocol_.accept_data(as_command(command), command.data_out.segments, command.data_out.size);
    settle();
}

void IscsiConnection::data_out_complete(iscsi::ScsiTask& task) {
    nexus_->data_out_arrived(as_command(task));
}

void IscsiConnection::data_out_failed(iscsi::ScsiTask& task, iscsi::DataOutFailure reason) {
    nexus_->data_out_failed(as_command(task), outcome_of(reason));
}

void IscsiConnection::completed(engine::Command& command) {
    protocol_.respond(as_command(command), {.status = command.status,
                                            .sense = command.sense(),
                                            .data_in = command.data_in,
                                            .data_in_piped = command.data_in_piped,
                                            .residual_out = translated(command.residual_out),
                                            .residual_in = translated(command.residual_in),
                                            .data_in_may_change = command.data_in_may_change});
    settle();
}

void IscsiConnection::dropped(engine::Command& command) {
    protocol_.abandon(as_command(command));
    settle();
}

void IscsiConnection::task_ended(iscsi::ScsiTask& task, iscsi::Delivery delivery) {
    IscsiCommand& command = as_command(task);
    const auto how =
        delivery == iscsi::Delivery::delivered ? engine::Delivery::delivered : engine::Delivery::failed;
    if (command.submitted && !nexus_->retire(command, how)) {
        commands_.keep();
        return;
    }
    commands_.give_back(command);
}

void IscsiConnection::let_go(engine::Command& command) {
    commands_.let_go(as_command(command));
}

bool IscsiConnection::name_one_unit(iscsi::Lun one, iscsi::Lun other) const {
    return engine::name_one_unit(one.value, other.value);
}

void IscsiConnection::task_management(iscsi::ManagementRequest& request) {
    const auto function = translated(request.function);
    const auto free = std::ranges::find(managing_, nullptr, &Managing::request);
    if (!function || !nexus_ || state_ != SessionState::granted || free == managing_.end()) {
        protocol_.management_done(request, function ? iscsi::TaskFunctionResponse::function_rejected
                                                    : iscsi::TaskFunctionResponse::function_not_supported);
        return;
    }
    free->request = &request;
    free->function = *function;
    free->lun = request.lun.value;
    free->referenced = request.task != nullptr ? request.task->tag().value : 0;
    nexus_->manage(*free);
}

void IscsiConnection::managed(engine::TaskManagement& request) {
    auto& managing = static_cast<Managing&>(request);
    iscsi::ManagementRequest& asked = *std::exchange(managing.request, nullptr);
    protocol_.management_done(asked, translated(request.response));
    settle();
    if (request.function == engine::TaskFunction::target_cold_reset &&
        request.response == engine::TaskResponse::function_complete) {
        // [RFC 7143 11.5.1]: the sessions end, each after what it still has to send.
        service_.drop_sessions_of(nexus_->target(), "TARGET COLD RESET");
    }
}

void IscsiConnection::unit_event(std::uint64_t lun, const scsi::Sense& sense) {
    if (!tells_events_) {
        return;
    }
    std::array<std::byte, scsi::kMaxSenseBytes> bytes{};
    const std::size_t size = scsi::encode(sense, scsi::SenseFormat::fixed, bytes);
    protocol_.report_event(iscsi::Lun{lun}, std::span(bytes).first(size));
    settle();
}

std::optional<SessionReport> IscsiConnection::report() const {
    if (state_ != SessionState::granted || !login_) {
        return std::nullopt;
    }
    const iscsi::SessionParameters& agreed = protocol_.parameters();
    SessionReport report{.id = grant_.id,
                         .target = login_->type == iscsi::SessionType::normal ? login_->target_name : "",
                         .initiator = login_->initiator_name,
                         .initiator_alias = agreed.initiator_alias,
                         .chap_name = login_->initiator_chap_name,
                         .initiator_session_id = login_->initiator_session_id,
                         .target_session_handle = grant_.target_session_handle,
                         .connection_id = login_->connection_id,
                         .peer_address = peer_,
                         .local_address = local_,
                         .core = core_->id(),
                         .header_digest = agreed.header_digest == iscsi::Digest::crc32c,
                         .data_digest = agreed.data_digest == iscsi::Digest::crc32c,
                         .age = core_->now() - since_,
                         .counters = {}};
    if (nexus_) {
        report.commands_in_flight = nexus_->commands();
        report.counters = nexus_->counters();
    }
    return report;
}

}  // namespace targe::transport
