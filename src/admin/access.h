// Who sees what: the questions that a login and a SendTargets ask of a target's configuration.
#pragma once

#include "admin/config.h"

#include <string_view>
#include <vector>

namespace targe::admin {

/// `*` is any run of characters, `?` any one, a leading `!` turns the answer round; case does not count.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

/// Whether any pattern matches and no `!` pattern forbids: ["iqn.a:*", "!iqn.a:guest"] is all of iqn.a but
/// one. A list of `!` patterns alone lets in whatever none of them names.
[[nodiscard]] bool matches_any(const std::vector<std::string>& patterns, std::string_view text);

/// The first group that the initiator is in, or nothing: it then sees TargetConfig::luns.
[[nodiscard]] const GroupConfig* group_of(const TargetConfig& target, std::string_view initiator);

/// The LUNs of that group, or of the target.
[[nodiscard]] const std::vector<LunConfig>& luns_for(const TargetConfig& target, std::string_view initiator);

/// Whether the initiator may know that the target exists, and log in, having connected to `local_address`
/// (numeric, without port and brackets).
[[nodiscard]] bool visible(const TargetConfig& target, std::string_view initiator,
                           std::string_view local_address);

}  // namespace targe::admin
