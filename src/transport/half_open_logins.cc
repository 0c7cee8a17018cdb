#include "transport/half_open_logins.h"

#include <algorithm>

namespace targe::transport {

std::vector<HalfOpenLogins::Group> HalfOpenLogins::groups_of(const SocketAddress& peer) const {
    std::vector<Group> groups = {{.name = peer.host(), .limit = limit_}};
    if (peer.is_ipv6()) {
        const std::uint32_t subnet = std::max(limit_, max_connections_ / 4);
        groups.push_back({.name = peer.network(64), .limit = subnet});
        groups.push_back({.name = peer.network(48), .limit = std::max(subnet, max_connections_ / 2)});
    }
    return groups;
}

bool HalfOpenLogins::begin(const SocketAddress& peer) {
    const std::vector<Group> groups = groups_of(peer);
    const std::lock_guard lock(mutex_);
    const bool full = limit_ != 0 && std::ranges::any_of(groups, [this](const Group& group) {
                          const auto at = counts_.find(group.name);
                          return at != counts_.end() && at->second >= group.limit;
                      });
    if (full) {
        return false;
    }
    for (const Group& group : groups) {
        ++counts_[group.name];
    }
    return true;
}

void HalfOpenLogins::end(const SocketAddress& peer) {
    const std::vector<Group> groups = groups_of(peer);
    const std::lock_guard lock(mutex_);
    for (const Group& group : groups) {
        const auto at = counts_.find(group.name);
        if (at != counts_.end() && --at->second == 0) {
            counts_.erase(at);
        }
    }
}

}  // namespace targe::transport
