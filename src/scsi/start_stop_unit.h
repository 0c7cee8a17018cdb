// START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL, [SBC-3 r36 5.25, 5.10], [MMC-6 r2g 6.42, 6.13].
#pragma once

#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace targe::scsi {

struct StartStopUnitCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kImmediate = wire::bit(1, 0);
    static constexpr wire::Field kPowerConditionModifier = wire::bits(3, 3, 0);
    static constexpr wire::Field kPowerCondition = wire::bits(4, 7, 4);
    static constexpr wire::Field kNoFlush = wire::bit(4, 2);
    static constexpr wire::Field kLoadEject = wire::bit(4, 1);
    static constexpr wire::Field kStart = wire::bit(4, 0);

    static constexpr auto kUsageFixed =
        wire::usage_mask<kSize>({kOpcode, kImmediate, kPowerCondition, kNoFlush, kStart});
    static constexpr auto kUsageRemovable =
        wire::usage_mask<kSize>({kOpcode, kImmediate, kPowerCondition, kNoFlush, kLoadEject, kStart});
};

/// What START STOP UNIT asks of a unit.
enum class StartStop : std::uint8_t {
    change_power_condition,  ///< START and LOEJ are then ignored; a unit without power conditions does
                             ///< nothing
    stop,
    start,
    eject,  ///< refused while a nexus prevents it
    load,
};

struct StartStopUnit {
    StartStop action;
    bool immediate;
    bool flush;  ///< written data must be durable before the unit stops or the medium leaves
};

StartStopUnit plan_start_stop_unit(std::span<const std::byte, StartStopUnitCdb::kSize> cdb);

struct PreventAllowMediumRemovalCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kPrevent = wire::bits(4, 1, 0);
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kPrevent});
};

/// PREVENT. In MMC its two bits are PERSISTENT and PREVENT, and each value of PERSISTENT has a state of its
/// own.
enum class MediumRemoval : std::uint8_t {
    allowed = 0b00,
    prevented = 0b01,
    persistently_allowed = 0b10,
    persistently_prevented = 0b11,
};

/// [MMC-6 r2g 6.13] has all values; elsewhere 10b and 11b are obsolete and refused.
std::expected<MediumRemoval, Sense> plan_prevent_allow_medium_removal(
    std::span<const std::byte, PreventAllowMediumRemovalCdb::kSize> cdb, CommandSet set);

}  // namespace targe::scsi
