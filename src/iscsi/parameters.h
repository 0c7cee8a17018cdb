// What a login agrees on, and what the target is willing to agree on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace targe::iscsi {

/// [RFC 7143 13.1]
enum class Digest : std::uint8_t { none, crc32c };

/// [RFC 7143 13.21]
enum class SessionType : std::uint8_t { normal, discovery };

/// [RFC 7143 13.23]. Fast abort is not offered: it needs asynchronous messages to third parties.
enum class TaskReporting : std::uint8_t { rfc3720, response_fence };

/// MaxRecvDataSegmentLength until a side declares another, and in the whole login phase, [RFC 7143 13.12].
inline constexpr std::uint32_t kDefaultMaxRecvDataSegmentLength = 8192;

/// The values in force, beginning with what holds when a key is never negotiated, [RFC 7143 13].
struct SessionParameters {
    // Of the connection.
    Digest header_digest = Digest::none;
    Digest data_digest = Digest::none;
    /// What the initiator takes in one PDU: the target cuts Data-In and text by it.
    std::uint32_t initiator_max_recv_data_segment_length = kDefaultMaxRecvDataSegmentLength;
    /// What the target has said that it takes in one PDU.
    std::uint32_t target_max_recv_data_segment_length = kDefaultMaxRecvDataSegmentLength;

    // Of the session.
    std::uint16_t max_connections = 1;
    bool initial_r2t = true;
    bool immediate_data = true;
    std::uint32_t max_burst_length = 262144;
    std::uint32_t first_burst_length = 65536;  ///< never above max_burst_length
    std::uint16_t default_time2wait = 2;
    std::uint16_t default_time2retain = 20;
    std::uint16_t max_outstanding_r2t = 1;
    bool data_pdu_in_order = true;
    bool data_sequence_in_order = true;
    std::uint8_t error_recovery_level = 0;
    TaskReporting task_reporting = TaskReporting::rfc3720;
    std::uint8_t protocol_level = 1;
    std::string initiator_alias;

    bool operator==(const SessionParameters&) const = default;
};

/// What holds where a session goes on over another connection, [RFC 7143 6.3.4]: what the session agreed on
/// when it began, and what `connection` has agreed on for itself. An alias may be declared again.
[[nodiscard]] inline SessionParameters continued(SessionParameters session,
                                                 const SessionParameters& connection) {
    session.header_digest = connection.header_digest;
    session.data_digest = connection.data_digest;
    session.initiator_max_recv_data_segment_length = connection.initiator_max_recv_data_segment_length;
    session.target_max_recv_data_segment_length = connection.target_max_recv_data_segment_length;
    if (!connection.initiator_alias.empty()) {
        session.initiator_alias = connection.initiator_alias;
    }
    return session;
}

/// Whose order decides between digests that both sides allow. [RFC 7143 6.2.1] has the target take the first
/// of the initiator's list that it supports and is allowed to use: a target that goes by its own order does
/// not allow itself the others.
enum class DigestOrder : std::uint8_t { initiators, targets };

/// The target's side of every negotiation. The result function of each key makes of it and of the offer one
/// value.
struct NegotiationPolicy {
    /// What may be agreed on.
    std::vector<Digest> header_digests = {Digest::none, Digest::crc32c};
    std::vector<Digest> data_digests = {Digest::none, Digest::crc32c};
    DigestOrder header_digest_order = DigestOrder::initiators;
    DigestOrder data_digest_order = DigestOrder::initiators;
    std::uint32_t max_recv_data_segment_length = 262144;
    bool initial_r2t = false;
    bool immediate_data = true;
    std::uint32_t max_burst_length = 1048576;
    std::uint32_t first_burst_length = 262144;
    std::uint16_t default_time2wait = 2;
    std::uint16_t default_time2retain = 20;
    std::uint16_t max_outstanding_r2t = 16;
    bool data_pdu_in_order = true;
    bool data_sequence_in_order = true;
    std::uint8_t protocol_level = 2;  ///< 2 says that [RFC 7144] is implemented
};

}  // namespace targe::iscsi
