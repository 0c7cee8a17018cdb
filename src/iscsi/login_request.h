// A Login Request's fields, and what must stay the same from one to the next.
#pragma once

#include "iscsi/pdu_session.h"

#include <cstdint>
#include <string_view>

namespace targe::iscsi {

struct LoginRequest {
    bool transit = false;
    bool more_text = false;  ///< the C bit
    std::uint8_t current_stage = 0;
    std::uint8_t next_stage = 0;
    std::uint8_t version_min = 0;
    std::uint64_t initiator_session_id = 0;
    std::uint16_t target_session_handle = 0;
    TaskTag initiator_task_tag = {};
    std::uint16_t connection_id = 0;
    CmdSn cmd_sn = {};
    StatSn exp_stat_sn = {};
};

[[nodiscard]] LoginRequest read_login_request(HeaderView header);

/// What is wrong with the flags and stages of a request, empty when nothing, [RFC 7143 11.12.1 to 11.12.3].
[[nodiscard]] std::string_view find_fault(const LoginRequest& request, LoginStage stage);

/// What a request changed that it may not since the first one of its login, empty when nothing,
/// [RFC 7143 11.12.4 to 11.12.8].
[[nodiscard]] std::string_view find_change(const LoginRequest& first, const LoginRequest& request);

}  // namespace targe::iscsi
