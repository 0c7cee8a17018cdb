// How many connections of one address have no session with a target: they log in, or discover.
#pragma once

#include "transport/socket_address.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace targe::transport {

/// A peer that opens connections and says nothing cannot take those of others. From any thread; not on a
/// command's path.
class HalfOpenLogins {
public:
    /// `limit` is that of one address; 0: none, of networks neither. An IPv6 host has as many addresses as it
    /// likes: of those that share 64 bits a quarter of `max_connections` may be counted, or `limit` where
    /// that is more, and of those that share 48 bits twice as many.
    HalfOpenLogins(std::uint32_t limit, std::uint32_t max_connections)
        : limit_(limit), max_connections_(max_connections) {}

    /// Counts one more from `peer`, unless it has as many as it may.
    [[nodiscard]] bool begin(const SocketAddress& peer);
    /// One that was counted has finished, well or not.
    void end(const SocketAddress& peer);

private:
    /// What is counted together, and how many there may be of it.
    struct Group {
        std::string name;
        std::uint32_t limit;
    };
    [[nodiscard]] std::vector<Group> groups_of(const SocketAddress& peer) const;

    std::uint32_t limit_;
    std::uint32_t max_connections_;
    std::mutex mutex_;
    std::map<std::string, std::uint32_t> counts_;
};

}  // namespace targe::transport
