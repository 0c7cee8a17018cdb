#include "admin/access.h"

#include "base/pattern.h"

#include <algorithm>

namespace targe::admin {

const GroupConfig* group_of(const TargetConfig& target, std::string_view initiator) {
    const auto found = std::ranges::find_if(target.groups, [&](const GroupConfig& group) {
        return base::matches_any(group.initiators, initiator);
    });
    return found == target.groups.end() ? nullptr : &*found;
}

const std::vector<LunConfig>& luns_for(const TargetConfig& target, std::string_view initiator) {
    const GroupConfig* const group = group_of(target, initiator);
    return group != nullptr ? group->luns : target.luns;
}

bool allowed_through(const TargetConfig& target, std::string_view local_address) {
    return target.allowed_portals.empty() || base::matches_any(target.allowed_portals, local_address);
}

bool visible(const TargetConfig& target, std::string_view initiator, std::string_view local_address) {
    if (!allowed_through(target, local_address)) {
        return false;
    }
    if (group_of(target, initiator) != nullptr) {
        return true;
    }
    if (target.initiators) {
        return base::matches_any(*target.initiators, initiator);
    }
    return !target.luns.empty() || target.groups.empty();
}

}  // namespace targe::admin
