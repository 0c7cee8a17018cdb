// Asymmetric logical unit access: through which ports a unit is reached how well, [SPC-4 r37 5.15].
#pragma once

#include "scsi/sense.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace targe::scsi {

enum class LeastAccessState : std::uint8_t;

/// ASYMMETRIC ACCESS STATE.
enum class AccessState : std::uint8_t {
    active_optimized = 0x0,
    active_non_optimized = 0x1,
    standby = 0x2,
    unavailable = 0x3,
    offline = 0xe,
    transitioning = 0xf,
};

/// As the configuration and the command line have it: "active/optimized" …
[[nodiscard]] std::string_view to_string(AccessState state);
[[nodiscard]] std::optional<AccessState> access_state_from(std::string_view text);

/// STATUS CODE: what changed the state last.
enum class AccessChange : std::uint8_t { none = 0, by_command = 1, implicit = 2 };

struct TargetPortGroup {
    std::uint16_t id = 0;  ///< TARGET PORT GROUP
    AccessState state = AccessState::active_optimized;
    bool preferred = false;  ///< PREF
    AccessChange changed = AccessChange::none;
    std::vector<std::uint16_t> ports = {};  ///< relative target port identifiers, those of other nodes too
    bool operator==(const TargetPortGroup&) const = default;
};

/// The target port groups of a unit, which it shares with all units of its device group. A port is in one of
/// them at most, and ids are unique.
struct AsymmetricAccess {
    std::vector<TargetPortGroup> groups;
    bool set_by_command = false;            ///< SET TARGET PORT GROUPS is offered
    std::uint8_t longest_transition_s = 0;  ///< IMPLICIT TRANSITION TIME

    [[nodiscard]] const TargetPortGroup* group_of(std::uint16_t relative_target_port) const;
    [[nodiscard]] bool transitioning() const;
    bool operator==(const AsymmetricAccess&) const = default;
};

/// Whether a command that needs at least `least` is executed through a port in `state`; why not, otherwise,
/// [SPC-4 r37 5.15.2.4].
[[nodiscard]] std::optional<Sense> refused_in(AccessState state, LeastAccessState least);

/// What a standard INQUIRY says of a path: it leads to the unit, and yet no medium is reached by it.
[[nodiscard]] constexpr bool connects(AccessState state) {
    return state != AccessState::unavailable && state != AccessState::offline;
}

}  // namespace targe::scsi
