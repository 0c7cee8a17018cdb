// What logins and discovery ask of the rest of the daemon: which targets there are, as seen from where.
#pragma once

#include "iscsi/auth_policy.h"
#include "iscsi/parameters.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace targe::iscsi {

/// From where somebody looks. Targets may be hidden from portals, from initiators and from addresses.
struct Viewpoint {
    std::uint32_t portal = 0;  ///< the directory's own number of the portal that accepted the connection
    std::string local_address = {};  ///< numeric, of this connection, without brackets
    std::uint16_t local_port = 0;
    std::string peer_address = {};  ///< numeric, without brackets
    std::string initiator_name = {};
};

/// Where a target can be reached.
struct TargetAddress {
    std::string host = {};  ///< numeric address or DNS name, without brackets
    std::uint16_t port = 3260;
    std::uint16_t portal_group_tag = 1;
};

/// host:port, with brackets about an IPv6 address, [RFC 7143 13.8].
[[nodiscard]] std::string to_text(const TargetAddress& address);
/// host:port,group
[[nodiscard]] std::string to_text_with_group(const TargetAddress& address);

struct TargetNotFound {};
/// It exists, and this initiator may not use it.
struct TargetForbidden {
    std::string reason = {};  ///< for the log, not for the peer
};
/// It exists, and takes no sessions now.
struct TargetUnavailable {
    std::string reason = {};
};
enum class Move : std::uint8_t { temporary, permanent };
struct TargetMoved {
    TargetAddress address;
    Move move = Move::temporary;
};
struct TargetFound {
    AuthPolicy auth = {};
    NegotiationPolicy negotiation = {};
    std::uint16_t portal_group_tag = 1;
    std::string alias = {};  ///< declared as TargetAlias unless empty
};
using TargetAnswer =
    std::variant<TargetNotFound, TargetForbidden, TargetUnavailable, TargetMoved, TargetFound>;

struct TargetListing {
    std::string name;
    std::vector<TargetAddress> addresses = {};
};

/// Asked on the connection's core while its login or discovery runs, so it must answer at once.
class Directory {
public:
    Directory() = default;
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    virtual ~Directory() = default;

    [[nodiscard]] virtual TargetAnswer find_target(std::string_view name, const Viewpoint& from) const = 0;
    /// Everything that `from` may see, in the order in which it is to be told.
    [[nodiscard]] virtual std::vector<TargetListing> list_targets(const Viewpoint& from) const = 0;
    [[nodiscard]] virtual AuthPolicy discovery_auth(const Viewpoint& from) const = 0;
    [[nodiscard]] virtual NegotiationPolicy discovery_negotiation(const Viewpoint& from) const = 0;
};

}  // namespace targe::iscsi
