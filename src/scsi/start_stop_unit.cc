#include "scsi/start_stop_unit.h"

namespace targe::scsi {

StartStopUnit plan_start_stop_unit(std::span<const std::byte, StartStopUnitCdb::kSize> cdb) {
    using L = StartStopUnitCdb;
    const bool start = wire::get<L::kStart>(cdb) != 0;
    StartStopUnit unit{.action = start ? StartStop::start : StartStop::stop,
                       .immediate = wire::get<L::kImmediate>(cdb) != 0,
                       .flush = wire::get<L::kNoFlush>(cdb) == 0};
    // [SBC-3 r36 5.25] deviation: a unit without power conditions accepts every value of the field, the
    // reserved ones too, and stays as it is. Initiators rely on GOOD there, and on the medium staying in.
    if (wire::get<L::kPowerCondition>(cdb) != 0) {
        unit.action = StartStop::change_power_condition;
    } else if (wire::get<L::kLoadEject>(cdb) != 0) {
        unit.action = start ? StartStop::load : StartStop::eject;
    }
    return unit;
}

std::expected<MediumRemoval, Sense> plan_prevent_allow_medium_removal(
    std::span<const std::byte, PreventAllowMediumRemovalCdb::kSize> cdb, CommandSet set) {
    using L = PreventAllowMediumRemovalCdb;
    const auto prevent = static_cast<MediumRemoval>(wire::get<L::kPrevent>(cdb));
    if (set != CommandSet::multimedia && prevent > MediumRemoval::prevented) {
        return std::unexpected{invalid_field(L::kPrevent)};
    }
    return prevent;
}

}  // namespace targe::scsi
