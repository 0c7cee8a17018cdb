// Layouts of the PDUs that make, use and end a session: login, text, logout, ping, messages, refusals.
#pragma once

#include "iscsi/pdu.h"

namespace targe::iscsi {

/// CSG and NSG, [RFC 7143 11.12.3]. 2 is reserved.
enum class LoginStage : std::uint8_t {
    security_negotiation = 0,
    operational_negotiation = 1,
    full_feature = 3,
};

/// [RFC 7143 11.12]
struct LoginRequestPdu : BasicHeader {
    static constexpr wire::Field kTransit = wire::bit(1, 7);
    static constexpr wire::Field kContinue = wire::bit(1, 6);
    static constexpr wire::Field kCurrentStage = wire::bits(1, 3, 2);
    static constexpr wire::Field kNextStage = wire::bits(1, 1, 0);
    static constexpr wire::Field kVersionMax = wire::bytes(2, 2);
    static constexpr wire::Field kVersionMin = wire::bytes(3, 3);
    static constexpr wire::Field kInitiatorSessionId = wire::bytes(8, 13);
    static constexpr wire::Field kTargetSessionHandle = wire::bytes(14, 15);
    static constexpr wire::Field kConnectionId = wire::bytes(20, 21);
    static constexpr wire::Field kCmdSn = wire::bytes(24, 27);
    static constexpr wire::Field kExpStatSn = wire::bytes(28, 31);
};

/// [RFC 7143 11.13]
struct LoginResponsePdu : BasicHeader {
    static constexpr wire::Field kTransit = wire::bit(1, 7);
    static constexpr wire::Field kContinue = wire::bit(1, 6);
    static constexpr wire::Field kCurrentStage = wire::bits(1, 3, 2);
    static constexpr wire::Field kNextStage = wire::bits(1, 1, 0);
    static constexpr wire::Field kVersionMax = wire::bytes(2, 2);
    static constexpr wire::Field kVersionActive = wire::bytes(3, 3);
    static constexpr wire::Field kInitiatorSessionId = wire::bytes(8, 13);
    static constexpr wire::Field kTargetSessionHandle = wire::bytes(14, 15);
    static constexpr wire::Field kStatSn = wire::bytes(24, 27);
    static constexpr wire::Field kExpCmdSn = wire::bytes(28, 31);
    static constexpr wire::Field kMaxCmdSn = wire::bytes(32, 35);
    static constexpr wire::Field kStatusClass = wire::bytes(36, 36);
    static constexpr wire::Field kStatusDetail = wire::bytes(37, 37);
};

/// Status-Class in the high byte, Status-Detail in the low byte, [RFC 7143 11.13.5].
enum class LoginStatus : std::uint16_t {
    success = 0x0000,
    target_moved_temporarily = 0x0101,
    target_moved_permanently = 0x0102,
    initiator_error = 0x0200,
    authentication_failure = 0x0201,
    authorization_failure = 0x0202,
    not_found = 0x0203,
    target_removed = 0x0204,
    unsupported_version = 0x0205,
    too_many_connections = 0x0206,
    missing_parameter = 0x0207,
    cannot_include_in_session = 0x0208,
    session_type_not_supported = 0x0209,
    session_does_not_exist = 0x020a,
    invalid_during_login = 0x020b,
    target_error = 0x0300,
    service_unavailable = 0x0301,
    out_of_resources = 0x0302,
};

/// [RFC 7143 11.10]
struct TextRequestPdu : BasicHeader, RequestHeader {
    static constexpr wire::Field kContinue = wire::bit(1, 6);
};

/// [RFC 7143 11.11]
struct TextResponsePdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kContinue = wire::bit(1, 6);
};

/// [RFC 7143 11.14.1]
enum class LogoutReason : std::uint8_t {
    close_session = 0,
    close_connection = 1,
    remove_connection_for_recovery = 2,
};

/// [RFC 7143 11.14]
struct LogoutRequestPdu : BasicHeader {
    static constexpr wire::Field kReason = wire::bits(1, 6, 0);
    static constexpr wire::Field kConnectionId = wire::bytes(20, 21);
    static constexpr wire::Field kCmdSn = wire::bytes(24, 27);
    static constexpr wire::Field kExpStatSn = wire::bytes(28, 31);
};

/// [RFC 7143 11.15.1]
enum class LogoutResponse : std::uint8_t {
    closed = 0,
    connection_id_not_found = 1,
    recovery_not_supported = 2,
    cleanup_failed = 3,
};

/// [RFC 7143 11.15]
struct LogoutResponsePdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kResponse = wire::bytes(2, 2);
    static constexpr wire::Field kTime2Wait = wire::bytes(40, 41);
    static constexpr wire::Field kTime2Retain = wire::bytes(42, 43);
};

/// [RFC 7143 11.9.1]
enum class AsyncEvent : std::uint8_t {
    scsi_event = 0,
    logout_request = 1,
    drop_connection = 2,
    drop_all_connections = 3,
    negotiation_request = 4,
    task_termination = 5,  ///< [RFC 7143 11.9.1]: all tasks of a logical unit are being ended
    vendor_specific = 255,
};

/// [RFC 7143 11.9]
struct AsyncMessagePdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kAsyncEvent = wire::bytes(36, 36);
    static constexpr wire::Field kAsyncVCode = wire::bytes(37, 37);
    static constexpr wire::Field kParameter1 = wire::bytes(38, 39);
    static constexpr wire::Field kParameter2 = wire::bytes(40, 41);
    static constexpr wire::Field kParameter3 = wire::bytes(42, 43);
};

/// [RFC 7143 11.17.1]
enum class RejectReason : std::uint8_t {
    data_digest_error = 0x02,
    snack_reject = 0x03,
    protocol_error = 0x04,
    command_not_supported = 0x05,
    too_many_immediate_commands = 0x06,
    task_in_progress = 0x07,
    invalid_data_ack = 0x08,
    invalid_pdu_field = 0x09,
    long_operation_reject = 0x0a,
    waiting_for_logout = 0x0c,
};

/// [RFC 7143 11.17]. The data segment holds the header that was refused.
struct RejectPdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kReason = wire::bytes(2, 2);
    static constexpr wire::Field kDataSn = wire::bytes(36, 39);
};

/// [RFC 7143 11.18]
struct NopOutPdu : BasicHeader, RequestHeader {};

/// [RFC 7143 11.19]
struct NopInPdu : BasicHeader, ResponseHeader {};

}  // namespace targe::iscsi
