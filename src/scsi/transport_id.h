// Initiator ports as TransportIDs name them, [SPC-4 r37 7.6.4.6]: SCSI over iSCSI.
#pragma once

#include "scsi/parameter_writer.h"
#include "wire/field.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace targe::scsi {

/// The longest iSCSI name, [RFC 7143 4.2.7.1].
inline constexpr std::size_t kMaxIscsiName = 223;

/// One session's end: an iSCSI initiator node and the ISID of the session.
struct InitiatorPort {
    std::uint64_t isid = 0;  ///< right-aligned; before the name, because it tells ports apart sooner
    std::string name;        ///< as folded() makes it
    auto operator<=>(const InitiatorPort&) const = default;
};

/// An I_T nexus, as persistent reservations remember it: it outlives the session.
struct ItNexus {
    std::uint16_t target_port = 0;  ///< RELATIVE TARGET PORT IDENTIFIER
    InitiatorPort initiator;
    auto operator<=>(const ItNexus&) const = default;
};

/// iSCSI names are the same when they differ in the case of letters only, [RFC 7143 4.2.7.2].
[[nodiscard]] std::string folded(std::string_view iscsi_name);
[[nodiscard]] InitiatorPort initiator_port(std::string_view iscsi_name, std::uint64_t isid);

/// What an initiator sent: a port, or without an ISID every port of a node.
struct TransportId {
    std::string name;  ///< folded
    std::optional<std::uint64_t> isid;
    bool operator==(const TransportId&) const = default;
};

struct TransportIdAt {
    TransportId id;
    std::size_t size;  ///< bytes that it took
};

/// The TransportID at the front of `bytes`, or the byte at fault.
[[nodiscard]] std::expected<TransportIdAt, std::size_t> read_transport_id(wire::Bytes bytes);

/// In the format that names one port.
void write_transport_id(const InitiatorPort& port, ParameterWriter& out);
[[nodiscard]] std::size_t transport_id_size(const InitiatorPort& port);

}  // namespace targe::scsi
