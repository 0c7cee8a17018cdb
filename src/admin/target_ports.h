// Relative target port identifiers, by which initiators and persistent reservations know a port again.
#pragma once

#include "admin/config.h"
#include "admin/problem.h"
#include "admin/state_directory.h"

#include <cstdint>
#include <expected>
#include <map>
#include <span>

namespace targe::admin {

using TargetPorts = std::map<PortConfig, std::uint16_t>;

/// The number of each portal group of each target: what the configuration says, else what was chosen before,
/// else the lowest that nobody has or had, stored before it is returned. Numbers of ports that are no longer
/// configured stay taken.
[[nodiscard]] std::expected<TargetPorts, Problem> target_ports(StateDirectory& state,
                                                               std::span<const TargetConfig> targets);

}  // namespace targe::admin
