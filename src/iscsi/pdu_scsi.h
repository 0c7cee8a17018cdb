// Layouts of the PDUs that carry commands, their data and their status.
#pragma once

#include "iscsi/pdu.h"

namespace targe::iscsi {

/// [RFC 7143 11.3.1]. Numbered as on the wire.
enum class TaskAttribute : std::uint8_t {
    untagged = 0,
    simple = 1,
    ordered = 2,
    head_of_queue = 3,
    aca = 4,
};

/// [RFC 7143 11.3]
struct ScsiCommandPdu : BasicHeader, RequestHeader {
    static constexpr wire::Field kRead = wire::bit(1, 6);
    static constexpr wire::Field kWrite = wire::bit(1, 5);
    static constexpr wire::Field kAttribute = wire::bits(1, 2, 0);
    static constexpr wire::Field kExpectedDataTransferLength = wire::bytes(20, 23);
    static constexpr std::size_t kCdb = 32;
    static constexpr std::size_t kCdbSize = 16;
};

/// [RFC 7143 11.4.3]
enum class ResponseCode : std::uint8_t {
    completed_at_target = 0x00,
    target_failure = 0x01,
};

/// [RFC 7143 11.4]
struct ScsiResponsePdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kBidirectionalReadOverflow = wire::bit(1, 4);
    static constexpr wire::Field kBidirectionalReadUnderflow = wire::bit(1, 3);
    static constexpr wire::Field kOverflow = wire::bit(1, 2);
    static constexpr wire::Field kUnderflow = wire::bit(1, 1);
    static constexpr wire::Field kResponse = wire::bytes(2, 2);
    static constexpr wire::Field kStatus = wire::bytes(3, 3);
    static constexpr wire::Field kExpDataSn = wire::bytes(36, 39);
    static constexpr wire::Field kBidirectionalReadResidual = wire::bytes(40, 43);
    static constexpr wire::Field kResidual = wire::bytes(44, 47);
    /// The data segment begins with the length of the sense data, [RFC 7143 11.4.7].
    static constexpr wire::Field kSenseLength = wire::bytes(0, 1);
};

/// [RFC 7143 11.5.1], and [RFC 7144 4.1] from query_task on.
enum class TaskFunction : std::uint8_t {
    abort_task = 1,
    abort_task_set = 2,
    clear_aca = 3,
    clear_task_set = 4,
    logical_unit_reset = 5,
    target_warm_reset = 6,
    target_cold_reset = 7,
    task_reassign = 8,
    query_task = 9,
    query_task_set = 10,
    i_t_nexus_reset = 11,
    query_async_event = 12,
};

/// [RFC 7143 11.5]
struct TaskManagementRequestPdu : BasicHeader, RequestHeader {
    static constexpr wire::Field kFunction = wire::bits(1, 6, 0);
    static constexpr wire::Field kReferencedTaskTag = wire::bytes(20, 23);
    static constexpr wire::Field kRefCmdSn = wire::bytes(32, 35);
    static constexpr wire::Field kExpDataSn = wire::bytes(36, 39);
};

/// [RFC 7143 11.6.1]
enum class TaskFunctionResponse : std::uint8_t {
    function_complete = 0,
    task_does_not_exist = 1,
    lun_does_not_exist = 2,
    task_still_allegiant = 3,
    reassignment_not_supported = 4,
    function_not_supported = 5,
    authorization_failed = 6,
    function_succeeded = 7,  ///< [RFC 7144 4.2]: of a query, "yes"
    function_rejected = 255,
};

/// [RFC 7143 11.6]
struct TaskManagementResponsePdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kResponse = wire::bytes(2, 2);
};

/// [RFC 7143 11.7]
struct DataOutPdu : BasicHeader, RequestHeader {
    static constexpr wire::Field kDataSn = wire::bytes(36, 39);
    static constexpr wire::Field kBufferOffset = wire::bytes(40, 43);
};

/// [RFC 7143 11.7]
struct DataInPdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kAcknowledge = wire::bit(1, 6);
    static constexpr wire::Field kOverflow = wire::bit(1, 2);
    static constexpr wire::Field kUnderflow = wire::bit(1, 1);
    static constexpr wire::Field kStatusPresent = wire::bit(1, 0);
    static constexpr wire::Field kStatus = wire::bytes(3, 3);
    static constexpr wire::Field kDataSn = wire::bytes(36, 39);
    static constexpr wire::Field kBufferOffset = wire::bytes(40, 43);
    static constexpr wire::Field kResidual = wire::bytes(44, 47);
};

/// [RFC 7143 11.8]
struct ReadyToTransferPdu : BasicHeader, ResponseHeader {
    static constexpr wire::Field kR2tSn = wire::bytes(36, 39);
    static constexpr wire::Field kBufferOffset = wire::bytes(40, 43);
    static constexpr wire::Field kDesiredDataTransferLength = wire::bytes(44, 47);
};

/// [RFC 7143 11.16]
struct SnackRequestPdu : BasicHeader, RequestHeader {
    static constexpr wire::Field kType = wire::bits(1, 3, 0);
    static constexpr wire::Field kBegRun = wire::bytes(40, 43);
    static constexpr wire::Field kRunLength = wire::bytes(44, 47);
};

}  // namespace targe::iscsi
