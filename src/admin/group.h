// The groups of this machine.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace targe::admin {

/// The number of a group, or nothing when there is none of that name. It may ask the network, and block.
[[nodiscard]] std::optional<gid_t> group_id(const std::string& name);

}  // namespace targe::admin
