#include "scsi/report_luns.h"

namespace targe::scsi {
namespace {

constexpr wire::Field kSelectReport = wire::bytes(2, 2);

/// SELECT REPORT, [SPC-4 r37 6.33]. There are no well-known logical units here and no conglomerates, so a
/// select either means every unit or none.
enum class Selected : std::uint8_t { all, none, invalid };

constexpr Selected selected(std::uint8_t select_report) {
    switch (select_report) {
        case 0x00:  // all but the well-known ones
        case 0x02:  // all
        case 0x11:  // administrative units, and units outside conglomerates
            return Selected::all;
        case 0x01:  // only well-known ones
        case 0x10:  // only administrative units
        case 0x12:  // the administrative unit asked, and its subsidiaries
            return Selected::none;
        default:
            return Selected::invalid;
    }
}

}  // namespace

std::optional<Sense> report_luns(std::uint8_t select_report, std::span<const Lun> luns,
                                 ParameterWriter& out) {
    const Selected wanted = selected(select_report);
    if (wanted == Selected::invalid) {
        return invalid_field(kSelectReport);
    }
    const std::span<const Lun> listed = wanted == Selected::all ? luns : std::span<const Lun>{};
    out.u32(static_cast<std::uint32_t>(listed.size() * 8));
    out.u32(0);
    for (const Lun lun : listed) {
        out.u64(encode_lun(lun));
    }
    return std::nullopt;
}

}  // namespace targe::scsi
