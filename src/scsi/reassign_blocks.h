// REASSIGN BLOCKS, [SBC-3 r36]: which blocks are to be written elsewhere.
#pragma once

#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <vector>

namespace targe::scsi {

/// How long its parameter list is stands in the list itself.
struct ReassignBlocksCdb {
    static constexpr std::size_t kSize = 6;
    static constexpr wire::Field kOpcode = wire::bytes(0, 0);
    static constexpr wire::Field kLongLba = wire::bit(1, 1);   ///< LONGLBA
    static constexpr wire::Field kLongList = wire::bit(1, 0);  ///< LONGLIST
    static constexpr auto kUsage = wire::usage_mask<kSize>({kOpcode, kLongLba, kLongList});
};

/// More blocks are not reassigned by one command.
inline constexpr std::size_t kMaxReassigned = 4096;
inline constexpr std::size_t kMaxReassignBytes = 4 + 8 * kMaxReassigned;

/// The blocks that `list` names, ascending, all of them on the medium. `list` is what has come of it.
[[nodiscard]] std::expected<std::vector<std::uint64_t>, Sense> reassigned_blocks(wire::Bytes cdb,
                                                                                 wire::Bytes list,
                                                                                 const UnitDescription& unit);

/// What COMMAND-SPECIFIC INFORMATION says where it is not known which block was the first not reassigned.
inline constexpr std::uint64_t kNoBlockInParticular = ~std::uint64_t{0};

}  // namespace targe::scsi
