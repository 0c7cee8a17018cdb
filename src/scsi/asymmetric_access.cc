#include "scsi/asymmetric_access.h"

#include "scsi/command_table.h"

#include <algorithm>
#include <array>
#include <utility>

namespace targe::scsi {
namespace {

constexpr auto kNames = std::to_array<std::pair<AccessState, std::string_view>>({
    {AccessState::active_optimized, "active/optimized"},
    {AccessState::active_non_optimized, "active/non-optimized"},
    {AccessState::standby, "standby"},
    {AccessState::unavailable, "unavailable"},
    {AccessState::offline, "offline"},
    {AccessState::transitioning, "transitioning"},
});

Sense not_ready(Asc reason) {
    return {.key = SenseKey::not_ready, .asc = reason};
}

}  // namespace

std::string_view to_string(AccessState state) {
    const auto* const at = std::ranges::find(kNames, state, &std::pair<AccessState, std::string_view>::first);
    return at == kNames.end() ? std::string_view{} : at->second;
}

std::optional<AccessState> access_state_from(std::string_view text) {
    const auto* const at = std::ranges::find(kNames, text, &std::pair<AccessState, std::string_view>::second);
    return at == kNames.end() ? std::nullopt : std::optional(at->first);
}

const TargetPortGroup* AsymmetricAccess::group_of(std::uint16_t relative_target_port) const {
    const auto at = std::ranges::find_if(groups, [relative_target_port](const TargetPortGroup& group) {
        return std::ranges::find(group.ports, relative_target_port) != group.ports.end();
    });
    return at == groups.end() ? nullptr : &*at;
}

bool AsymmetricAccess::transitioning() const {
    return std::ranges::any_of(groups,
                               [](const auto& group) { return group.state == AccessState::transitioning; });
}

std::optional<Sense> refused_in(AccessState state, LeastAccessState least) {
    switch (state) {
        case AccessState::active_optimized:
        case AccessState::active_non_optimized:
            return std::nullopt;
        case AccessState::standby:
            return least != LeastAccessState::active
                       ? std::nullopt
                       : std::optional(
                             not_ready(Asc::logical_unit_not_accessible_target_port_in_standby_state));
        case AccessState::unavailable:
            return least == LeastAccessState::unavailable || least == LeastAccessState::transitioning
                       ? std::nullopt
                       : std::optional(
                             not_ready(Asc::logical_unit_not_accessible_target_port_in_unavailable_state));
        case AccessState::offline:
            return least == LeastAccessState::unavailable || least == LeastAccessState::transitioning
                       ? std::nullopt
                       : std::optional(not_ready(Asc::logical_unit_not_ready_offline));
        case AccessState::transitioning:
            return least == LeastAccessState::transitioning
                       ? std::nullopt
                       : std::optional(
                             not_ready(Asc::logical_unit_not_accessible_asymmetric_access_state_transition));
    }
    __builtin_unreachable();
}

}  // namespace targe::scsi
