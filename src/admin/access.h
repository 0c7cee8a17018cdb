// Who sees what: the questions that a login and a SendTargets ask of a target's configuration.
#pragma once

#include "admin/config.h"

#include <string_view>
#include <vector>

namespace targe::admin {

/// The first group that the initiator is in, or nothing: it then sees TargetConfig::luns.
[[nodiscard]] const GroupConfig* group_of(const TargetConfig& target, std::string_view initiator);

/// The LUNs of that group, or of the target.
[[nodiscard]] const std::vector<LunConfig>& luns_for(const TargetConfig& target, std::string_view initiator);

/// Whether the target is there at all for who has connected to `local_address` (numeric, without port and
/// brackets).
[[nodiscard]] bool allowed_through(const TargetConfig& target, std::string_view local_address);

/// Whether the initiator may know that the target exists, and log in, having connected to `local_address`.
[[nodiscard]] bool visible(const TargetConfig& target, std::string_view initiator,
                           std::string_view local_address);

}  // namespace targe::admin
