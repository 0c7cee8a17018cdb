// Logical unit numbers, and the eight bytes in which they travel, [SAM-5 r21 4.7].
#pragma once

#include "base/id.h"

#include <cstdint>
#include <optional>

namespace targe::scsi {

/// A single-level logical unit number. The eight-byte field has several forms for one number; after
/// decode_lun() there is one.
using Lun = base::Id<struct LunTag, std::uint32_t>;

/// The highest number that a unit may be given here: what flat space addressing holds.
inline constexpr Lun kMaxLun{0x3fff};

/// The number that an initiator means by the LUN field `field` (first byte in the most significant bits).
/// All single-level forms are taken: peripheral device and flat space addressing, logical unit addressing of
/// bus 0 and target 0, and extended flat space addressing. Nothing for well-known units, for deeper levels,
/// and for what SAM-5 reserves: no such unit exists.
[[nodiscard]] std::optional<Lun> decode_lun(std::uint64_t field);

/// The form that REPORT LUNS gives: peripheral device addressing up to 255, flat space addressing above.
/// `lun` is at most kMaxLun.
[[nodiscard]] std::uint64_t encode_lun(Lun lun);

}  // namespace targe::scsi
