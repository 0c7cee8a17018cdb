#include "scsi/target_port_groups.h"

#include "scsi/cdb.h"

#include <algorithm>
#include <set>

namespace targe::scsi {
namespace {

/// PARAMETER DATA FORMAT.
constexpr std::uint8_t kLengthOnly = 0;
constexpr std::uint8_t kExtended = 1;

/// T_SUP, O_SUP, U_SUP, S_SUP, AN_SUP, AO_SUP; no LBA-dependent state.
constexpr std::uint8_t kSupportedStates = 0xcf;

struct SetDescriptor {
    static constexpr std::size_t kHeader = 4;
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kState = wire::bits(0, 3, 0);
    static constexpr wire::Field kGroup = wire::bytes(2, 3);
};

void write_group(const TargetPortGroup& group, ParameterWriter& out) {
    constexpr std::uint8_t kPreferred = 0x80;
    out.u8(
        static_cast<std::uint8_t>((group.preferred ? kPreferred : 0U) | static_cast<unsigned>(group.state)));
    out.u8(kSupportedStates);
    out.u16(group.id);
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(group.changed));
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(group.ports.size()));
    for (const std::uint16_t port : group.ports) {
        out.u16(0);
        out.u16(port);
    }
}

/// The states that SET TARGET PORT GROUPS may ask for.
bool can_be_set(AccessState state) {
    return state == AccessState::active_optimized || state == AccessState::active_non_optimized ||
           state == AccessState::standby || state == AccessState::unavailable;
}

}  // namespace

std::optional<Sense> report_target_port_groups(
    std::span<const std::byte, ReportTargetPortGroupsCdb::kSize> cdb, const AsymmetricAccess& access,
    ParameterWriter& out) {
    using L = ReportTargetPortGroupsCdb;
    const auto format = wire::get<L::kParameterDataFormat>(cdb);
    if (format != kLengthOnly && format != kExtended) {
        return invalid_field(L::kParameterDataFormat);
    }
    const std::size_t begin = out.size();
    out.u32(0);
    if (format == kExtended) {
        constexpr std::uint8_t kFormatType = 0x10;
        out.u8(kFormatType);
        out.u8(access.longest_transition_s);
        out.u16(0);
    }
    for (const TargetPortGroup& group : access.groups) {
        write_group(group, out);
    }
    out.patch(begin, static_cast<std::uint32_t>(out.size() - begin - 4));
    return std::nullopt;
}

std::expected<AsymmetricAccess, Sense> set_target_port_groups(wire::Bytes list,
                                                              const AsymmetricAccess& access) {
    using D = SetDescriptor;
    if (list.empty()) {
        return access;
    }
    if (list.size() < D::kHeader || (list.size() - D::kHeader) % D::kSize != 0) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    AsymmetricAccess next = access;
    std::set<std::uint16_t> seen;
    for (std::size_t at = D::kHeader; at < list.size(); at += D::kSize) {
        const wire::Bytes one = list.subspan(at, D::kSize);
        const auto state = static_cast<AccessState>(field_value(one, D::kState));
        if (!can_be_set(state)) {
            return std::unexpected(invalid_parameter(at, std::uint8_t{3}));
        }
        const auto id = static_cast<std::uint16_t>(field_value(one, D::kGroup));
        const auto group = std::ranges::find(next.groups, id, &TargetPortGroup::id);
        if (group == next.groups.end() || !seen.insert(id).second) {
            return std::unexpected(invalid_parameter(at + 2));
        }
        group->state = state;
        group->changed = AccessChange::by_command;
    }
    return next;
}

}  // namespace targe::scsi
