// Every text key that this target knows, one row each.
#pragma once

#include "iscsi/pdu_session.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace targe::iscsi {

enum class Key : std::uint8_t {
    auth_method,
    chap_a,
    chap_i,
    chap_c,
    chap_n,
    chap_r,
    header_digest,
    data_digest,
    max_connections,
    send_targets,
    target_name,
    initiator_name,
    target_alias,
    initiator_alias,
    target_address,
    target_portal_group_tag,
    initial_r2t,
    immediate_data,
    max_recv_data_segment_length,
    max_burst_length,
    first_burst_length,
    default_time2wait,
    default_time2retain,
    max_outstanding_r2t,
    data_pdu_in_order,
    data_sequence_in_order,
    error_recovery_level,
    session_type,
    task_reporting,
    iscsi_protocol_level,
    if_marker,
    of_marker,
    if_mark_int,
    of_mark_int,
    rdma_extensions,
    node_architecture,
};

/// How the offer and the target's own value become the result, [RFC 7143 6.2].
enum class Rule : std::uint8_t {
    authentication,  ///< belongs to the security stage's own exchange, see chap.h
    identity,        ///< says who talks to whom; the login machine reads it
    discovery,       ///< asks for targets, see discovery.h
    first_of_list,   ///< the first that both know
    logical_and,
    logical_or,
    minimum,
    maximum,
    declared_number,  ///< holds for its sender and gets no answer
    declared_text,
    always_no,  ///< a boolean with AND, of which the target's side is No
    always_reject,
};

/// The stages in which the initiator may send a key, as bits.
enum class Stages : std::uint8_t {
    none = 0,
    security = 1,
    operational = 2,
    login = 3,
    full_feature = 4,
    all = 7,
};
enum class Scope : std::uint8_t { connection, session };
/// Session-wide keys are only negotiated on the first connection: "LO" in [RFC 7143 13].
enum class Connections : std::uint8_t { any, leading };
enum class InDiscovery : std::uint8_t { relevant, irrelevant };

struct KeyRow {
    std::string_view name;
    Key key;
    Rule rule;
    std::uint32_t minimum;
    std::uint32_t maximum;  ///< of a number; of a text, its length
    std::string_view default_value;
    Stages stages;  ///< none: only a target may send it
    Scope scope;
    Connections connections;
    InDiscovery in_discovery;
};

inline constexpr std::uint32_t kMaxSegmentOrBurst = 0xff'ffff;  ///< 2**24 - 1
inline constexpr std::uint32_t kMaxAliasBytes = 255;

namespace detail {
using enum Rule;
using enum InDiscovery;
using enum Connections;
inline constexpr auto kSession = Scope::session;
inline constexpr auto kConnection = Scope::connection;
inline constexpr auto kOperational = Stages::operational;
}  // namespace detail

// clang-format off
/// [RFC 7143 12.1, 13.1 … 13.26], in that order; rdma_extensions is [RFC 7145]'s.
inline constexpr auto kKeyTable = [] {
    using namespace detail;
    return std::to_array<KeyRow>({
    // name                        key                                rule              min  max                 default       stages             scope        connections  in discovery
    {"AuthMethod",                 Key::auth_method,                  authentication,   0,   0,                  "None",       Stages::security,  kConnection, any,         relevant},
    {"CHAP_A",                     Key::chap_a,                       authentication,   0,   0,                  "",           Stages::security,  kConnection, any,         relevant},
    {"CHAP_I",                     Key::chap_i,                       authentication,   0,   255,                "",           Stages::security,  kConnection, any,         relevant},
    {"CHAP_C",                     Key::chap_c,                       authentication,   0,   0,                  "",           Stages::security,  kConnection, any,         relevant},
    {"CHAP_N",                     Key::chap_n,                       authentication,   0,   0,                  "",           Stages::security,  kConnection, any,         relevant},
    {"CHAP_R",                     Key::chap_r,                       authentication,   0,   0,                  "",           Stages::security,  kConnection, any,         relevant},
    {"HeaderDigest",               Key::header_digest,                first_of_list,    0,   0,                  "None",       kOperational,      kConnection, any,         relevant},
    {"DataDigest",                 Key::data_digest,                  first_of_list,    0,   0,                  "None",       kOperational,      kConnection, any,         relevant},
    {"MaxConnections",             Key::max_connections,              minimum,          1,   65535,              "1",          kOperational,      kSession,    leading,     irrelevant},
    {"SendTargets",                Key::send_targets,                 discovery,        0,   223,                "",           Stages::full_feature, kSession, any,         relevant},
    {"TargetName",                 Key::target_name,                  identity,         0,   223,                "",           Stages::login,     kSession,    any,         relevant},
    {"InitiatorName",              Key::initiator_name,               identity,         0,   223,                "",           Stages::login,     kSession,    any,         relevant},
    {"TargetAlias",                Key::target_alias,                 declared_text,    0,   kMaxAliasBytes,     "",           Stages::none,      kSession,    any,         relevant},
    {"InitiatorAlias",             Key::initiator_alias,              declared_text,    0,   kMaxAliasBytes,     "",           Stages::all,       kSession,    any,         relevant},
    {"TargetAddress",              Key::target_address,               declared_text,    0,   255,                "",           Stages::none,      kSession,    any,         relevant},
    {"TargetPortalGroupTag",       Key::target_portal_group_tag,      declared_number,  0,   65535,              "",           Stages::none,      kSession,    any,         relevant},
    {"InitialR2T",                 Key::initial_r2t,                  logical_or,       0,   0,                  "Yes",        kOperational,      kSession,    leading,     irrelevant},
    {"ImmediateData",              Key::immediate_data,               logical_and,      0,   0,                  "Yes",        kOperational,      kSession,    leading,     irrelevant},
    {"MaxRecvDataSegmentLength",   Key::max_recv_data_segment_length, declared_number,  512, kMaxSegmentOrBurst, "8192",       Stages::all,       kConnection, any,         relevant},
    {"MaxBurstLength",             Key::max_burst_length,             minimum,          512, kMaxSegmentOrBurst, "262144",     kOperational,      kSession,    leading,     irrelevant},
    {"FirstBurstLength",           Key::first_burst_length,           minimum,          512, kMaxSegmentOrBurst, "65536",      kOperational,      kSession,    leading,     irrelevant},
    {"DefaultTime2Wait",           Key::default_time2wait,            maximum,          0,   3600,               "2",          kOperational,      kSession,    leading,     relevant},
    {"DefaultTime2Retain",         Key::default_time2retain,          minimum,          0,   3600,               "20",         kOperational,      kSession,    leading,     relevant},
    {"MaxOutstandingR2T",          Key::max_outstanding_r2t,          minimum,          1,   65535,              "1",          kOperational,      kSession,    leading,     irrelevant},
    {"DataPDUInOrder",             Key::data_pdu_in_order,            logical_or,       0,   0,                  "Yes",        kOperational,      kSession,    leading,     irrelevant},
    {"DataSequenceInOrder",        Key::data_sequence_in_order,       logical_or,       0,   0,                  "Yes",        kOperational,      kSession,    leading,     irrelevant},
    {"ErrorRecoveryLevel",         Key::error_recovery_level,         minimum,          0,   2,                  "0",          kOperational,      kSession,    leading,     relevant},
    {"SessionType",                Key::session_type,                 identity,         0,   0,                  "Normal",     Stages::login,     kSession,    any,         relevant},
    {"TaskReporting",              Key::task_reporting,               first_of_list,    0,   0,                  "RFC3720",    kOperational,      kSession,    leading,     irrelevant},
    {"iSCSIProtocolLevel",         Key::iscsi_protocol_level,         minimum,          0,   31,                 "1",          kOperational,      kSession,    leading,     irrelevant},
    {"IFMarker",                   Key::if_marker,                    always_no,        0,   0,                  "No",         kOperational,      kConnection, any,         relevant},
    {"OFMarker",                   Key::of_marker,                    always_no,        0,   0,                  "No",         kOperational,      kConnection, any,         relevant},
    {"IFMarkInt",                  Key::if_mark_int,                  always_reject,    0,   0,                  "",           kOperational,      kConnection, any,         relevant},
    {"OFMarkInt",                  Key::of_mark_int,                  always_reject,    0,   0,                  "",           kOperational,      kConnection, any,         relevant},
    {"RDMAExtensions",             Key::rdma_extensions,              always_no,        0,   0,                  "No",         kOperational,      kSession,    leading,     relevant},
    {"X#NodeArchitecture",         Key::node_architecture,            declared_text,    0,   255,                "",           Stages::login,     kSession,    leading,     relevant},
    });
}();
// clang-format on

static_assert(
    [] {
        for (std::size_t i = 0; i < kKeyTable.size(); ++i) {
            if (static_cast<std::size_t>(kKeyTable.at(i).key) != i) {
                return false;
            }
        }
        return true;
    }(),
    "the row of a key stands at its number");

[[nodiscard]] constexpr const KeyRow& row_of(Key key) {
    return kKeyTable.at(static_cast<std::size_t>(key));
}

/// Null when nobody here knows the key. Keys are case sensitive.
[[nodiscard]] constexpr const KeyRow* find_key(std::string_view name) {
    for (const KeyRow& row : kKeyTable) {
        if (row.name == name) {
            return &row;
        }
    }
    return nullptr;
}

[[nodiscard]] constexpr bool allowed_in(Stages stages, LoginStage stage) {
    const auto bit = stage == LoginStage::full_feature              ? Stages::full_feature
                     : stage == LoginStage::operational_negotiation ? Stages::operational
                                                                    : Stages::security;
    return (static_cast<unsigned>(stages) & static_cast<unsigned>(bit)) != 0;
}

}  // namespace targe::iscsi
