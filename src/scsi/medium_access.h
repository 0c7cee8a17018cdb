// The commands that name a range of blocks, once their CDB has been accepted.
#pragma once

#include "scsi/command_id.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"
#include "wire/field.h"

#include <cstdint>
#include <expected>
#include <optional>

namespace targe::scsi {

/// BYTCHK of VERIFY and WRITE AND VERIFY, [SBC-3 r36].
enum class ByteCheck : std::uint8_t {
    medium_only = 0b00,        ///< the blocks can be read; there is no data-out to compare
    every_block = 0b01,        ///< data-out is compared with the blocks
    one_block_for_all = 0b11,  ///< one block of data-out is compared with each block
};

/// A range that lies on the medium, and how to treat it. A command leaves the fields that it does not
/// have as they are here.
struct MediumAccess {
    std::uint64_t lba = 0;
    std::uint64_t blocks = 0;  ///< may be 0; "to the end of the medium" has been resolved
    /// What the command itself transfers, whatever the transport expects; residuals are counted from it.
    std::uint64_t data_out_bytes = 0;
    std::uint64_t data_in_bytes = 0;
    ByteCheck byte_check = ByteCheck::medium_only;
    bool dpo = false;
    bool fua = false;
    bool immediate = false;    ///< IMMED: status before the work is done
    bool unmap = false;        ///< WRITE SAME may give the space back
    bool anchor = false;       ///< or rather, see to it that there is space
    std::uint8_t group = 0;    ///< GROUP NUMBER; 0: none
    bool no_data_out = false;  ///< NDOB: WRITE SAME of zeroes, without a block of data-out

    bool operator==(const MediumAccess&) const = default;
};

/// Turns the CDB of READ, WRITE, VERIFY, WRITE AND VERIFY, PRE-FETCH, SYNCHRONIZE CACHE, WRITE SAME or
/// COMPARE AND WRITE into a command that cannot be out of range. `cdb` has been accepted by find_command(),
/// and `id` is what that found; another id is a mistake of the caller.
std::expected<MediumAccess, Sense> plan_medium_access(CommandId id, wire::Bytes cdb,
                                                      const UnitDescription& unit);

/// Nothing when `count` blocks from `lba` on are all on the medium; no blocks at its very end are. If they
/// are not, the sense names the first address that is not. `lba + count` is never formed: it could wrap.
constexpr std::optional<Sense> beyond_medium(std::uint64_t lba, std::uint64_t count,
                                             const UnitDescription& unit) {
    if (lba > unit.blocks) {
        return lba_out_of_range(lba);
    }
    if (count > unit.blocks - lba) {
        return lba_out_of_range(unit.blocks);
    }
    return std::nullopt;
}

}  // namespace targe::scsi
