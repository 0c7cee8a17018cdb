// The login phase: the connection feeds the login machine and obeys it.
#include "base/assert.h"
#include "iscsi/connection.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace targe::iscsi {

void Connection::login_pdu() {
    const LoginStep step = login_.receive(HeaderView{incoming_.header}, collected_);
    std::visit(
        [this](const auto& taken) {
            using Step = std::remove_cvref_t<decltype(taken)>;
            if constexpr (std::is_same_v<Step, LoginContinue>) {
                send_login(taken.response);
            } else if constexpr (std::is_same_v<Step, LoginRefused>) {
                refuse_login(taken);
            } else if constexpr (std::is_same_v<Step, LoginDropped>) {
                drop(taken.reason);
            } else {
                ask_host(taken);
            }
        },
        step);
}

void Connection::send_login(const LoginPdu& pdu) {
    ControlPdu& control = transmitter_.new_control();
    control.header = pdu.header;
    const auto data = std::as_bytes(std::span{pdu.data});
    control.data.assign(data.begin(), data.end());
    control.numbering = Numbering::complete;
    transmitter_.queue(control);
}

void Connection::refuse_login(const LoginRefused& refusal) {
    send_login(refusal.response);
    finish(refusal.reason);
}

void Connection::ask_host(const Establish& login) {
    phase_ = Phase::establishing;
    parameters_ = login.parameters;
    type_ = login.type;
    target_name_ = login.target_name;
    connection_id_ = login.connection_id;
    options_.from.initiator_name = login.initiator_name;
    window_ = CommandWindow(login.exp_cmd_sn, options_.command_window);
    transmitter_.set_stat_sn(login.stat_sn);
    host_.establish(login);
}

void Connection::use(const SessionParameters& parameters) {
    if (phase_ == Phase::establishing) {
        parameters_ = parameters;
    }
}

void Connection::established(std::uint16_t target_session_handle, const SessionTuning& tuning) {
    if (phase_ == Phase::establishing) {
        TARGE_ASSERT(tuning.command_window >= options_.command_window);
        window_.widen(tuning.command_window);
        options_.nop_interval = tuning.nop_interval;
        options_.nop_timeout = tuning.nop_timeout;
    }
    established(target_session_handle);
}

void Connection::established(std::uint16_t target_session_handle) {
    if (phase_ != Phase::establishing) {
        return;  // it ended while the host was deciding
    }
    TARGE_ASSERT(target_session_handle != 0);
    send_login(login_.established(target_session_handle));
    reader_.set_digests(parameters_.header_digest, parameters_.data_digest);
    reader_.set_max_data_segment_length(parameters_.target_max_recv_data_segment_length);
    transmitter_.set_digests(parameters_.header_digest, parameters_.data_digest);
    transmitter_.set_lengths(parameters_.initiator_max_recv_data_segment_length,
                             parameters_.max_burst_length);
    login_deadline_.reset();
    phase_ = Phase::full_feature;
    process();
}

void Connection::refused(LoginStatus status, std::string_view reason) {
    if (phase_ == Phase::establishing) {
        refuse_login(login_.refused(status, reason));
    }
}

}  // namespace targe::iscsi
