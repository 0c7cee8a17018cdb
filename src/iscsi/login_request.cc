#include "iscsi/login_request.h"

namespace targe::iscsi {

LoginRequest read_login_request(HeaderView header) {
    using L = LoginRequestPdu;
    return {
        .transit = wire::get<L::kTransit>(header) != 0,
        .more_text = wire::get<L::kContinue>(header) != 0,
        .current_stage = wire::get<L::kCurrentStage>(header),
        .next_stage = wire::get<L::kNextStage>(header),
        .version_min = wire::get<L::kVersionMin>(header),
        .initiator_session_id = wire::get<L::kInitiatorSessionId>(header),
        .target_session_handle = wire::get<L::kTargetSessionHandle>(header),
        .initiator_task_tag = TaskTag{wire::get<L::kInitiatorTaskTag>(header)},
        .connection_id = wire::get<L::kConnectionId>(header),
        .cmd_sn = CmdSn{wire::get<L::kCmdSn>(header)},
        .exp_stat_sn = StatSn{wire::get<L::kExpStatSn>(header)},
    };
}

std::string_view find_fault(const LoginRequest& request, LoginStage stage) {
    constexpr auto kOperational = static_cast<std::uint8_t>(LoginStage::operational_negotiation);
    constexpr auto kFullFeature = static_cast<std::uint8_t>(LoginStage::full_feature);
    if (request.current_stage != static_cast<std::uint8_t>(stage)) {
        return "CSG is not the stage that the login is in";
    }
    if (!request.transit) {
        return {};  // NSG is reserved
    }
    if (request.more_text) {
        return "T and C bit together";
    }
    if (request.next_stage != kOperational && request.next_stage != kFullFeature) {
        return "NSG is no stage to go to";
    }
    return request.next_stage > request.current_stage ? std::string_view{} : "NSG does not lead forward";
}

std::string_view find_change(const LoginRequest& first, const LoginRequest& request) {
    if (request.initiator_session_id != first.initiator_session_id) {
        return "the ISID changed during the login";
    }
    if (request.target_session_handle != first.target_session_handle) {
        return "the TSIH changed during the login";
    }
    if (request.connection_id != first.connection_id) {
        return "the CID changed during the login";
    }
    if (request.initiator_task_tag != first.initiator_task_tag) {
        return "the Initiator Task Tag changed during the login";
    }
    // Login requests are immediate, so none of them uses up a CmdSN.
    return request.cmd_sn == first.cmd_sn ? std::string_view{} : "the CmdSN changed during the login";
}

}  // namespace targe::iscsi
