// Soft thresholds of logical block provisioning, [SBC-3 r36]: in what they are counted, and when an initiator
// is told.
#pragma once

#include "scsi/log_pages.h"
#include "scsi/mode_pages.h"
#include "scsi/unit_description.h"

#include <array>
#include <cstdint>

namespace targe::scsi {

/// How much of its store a unit takes up, and may take up besides.
struct ResourceBytes {
    std::uint64_t available = 0;
    std::uint64_t used = 0;
};

/// THRESHOLD EXPONENT of a unit of this size: sets of 1 MiB, or larger ones where 32 bits would not count
/// all of them. Never 0.
[[nodiscard]] std::uint8_t threshold_exponent(std::uint64_t blocks, std::uint32_t block_size);

/// Bytes of a threshold set. Only of a unit with a THRESHOLD EXPONENT.
[[nodiscard]] std::uint64_t threshold_set_bytes(const UnitDescription& unit);

/// Whole sets, as many as 32 bits can say.
[[nodiscard]] std::uint32_t threshold_sets(std::uint64_t bytes, const UnitDescription& unit);

[[nodiscard]] LbaResources lba_resources(const ResourceBytes& bytes, bool shared,
                                         const UnitDescription& unit);

/// Whether any threshold is to be looked after.
[[nodiscard]] bool watches_thresholds(const UnitDescription& unit, const ModePages& pages);

/// Which thresholds wait to be reached. A threshold is armed when it is enabled or altered. The middle of its
/// range is THRESHOLD COUNT sets, and it is one set wide: reached at the far end of it, armed again when the
/// resource has come back to the near end, so that what moves up and down around it is told of once.
class ThresholdWatch {
public:
    /// Whether one that was armed has been reached; it is not armed any more.
    [[nodiscard]] bool reached(const UnitDescription& unit, const ModePages& pages,
                               const ResourceBytes& resources);

private:
    std::array<Threshold, kThresholds.size()> known_{};
    std::array<bool, kThresholds.size()> armed_{};
};

}  // namespace targe::scsi
