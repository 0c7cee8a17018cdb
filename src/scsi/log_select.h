// LOG SELECT, [SPC-4 r37 6.7].
#pragma once

#include "scsi/log_parameters.h"
#include "scsi/sense.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

struct LogSelectCdb {
    static constexpr std::size_t kSize = 10;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kReset = wire::bit(1, 1);            ///< PCR
    static constexpr wire::Field kSaveParameters = wire::bit(1, 0);   ///< SP
    static constexpr wire::Field kPageControl = wire::bits(2, 7, 6);  ///< PC
    static constexpr wire::Field kPageCode = wire::bits(2, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(3, 3);
    static constexpr wire::Field kParameterListLength = wire::bytes(7, 8);
    static constexpr auto kUsage = wire::usage_mask<kSize>(
        {kOpcode, kReset, kSaveParameters, kPageControl, kPageCode, kSubpageCode, kParameterListLength});
};

/// What the unit has, and whether it can keep any of it.
struct LogState {
    LogParameters current = {};
    LogParameters saved = {};
    bool can_save = false;
    bool counts_resources = false;  ///< the unit has the page that tells of them
};

struct LogSelected {
    LogParameters current;
    std::optional<LogParameters> saved = {};  ///< to be kept
    std::uint32_t resets_groups = 0;          ///< a bit for each group; bit 0: the statistics of all
    bool resets_self_tests = false;
    bool resets_exceptions = false;
    bool operator==(const LogSelected&) const = default;
};

/// What becomes of the unit's log; `list` is all of PARAMETER LIST LENGTH bytes. All of it is checked before
/// anything counts: on a Sense nothing has changed.
[[nodiscard]] std::expected<LogSelected, Sense> log_select(
    std::span<const std::byte, LogSelectCdb::kSize> cdb, wire::Bytes list, const LogState& state);

}  // namespace targe::scsi
