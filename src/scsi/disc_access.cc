// Where the commands of a drive read.
#include "base/assert.h"
#include "scsi/disc.h"

namespace targe::scsi {
namespace {

/// A range of blocks, whose data go to the initiator where `reads`.
struct Range {
    std::uint64_t lba;
    std::uint64_t blocks;
    bool reads;
    wire::Field where;  ///< of the length
};

template <class L>
Range range_of(wire::Bytes cdb, bool reads) {
    const auto raw = layout_of<L::kSize>(cdb);
    return {wire::get<L::kLba>(raw), wire::get<L::kBlocks>(raw), reads, L::kBlocks};
}

/// Of READ CD and READ CD MSF: what a track of mode 1 has.
template <class L>
std::optional<Sense> refuse_sectors(wire::Bytes cdb, const UnitDescription& unit, bool present) {
    constexpr std::uint8_t kAny = 0;
    constexpr std::uint8_t kMode1 = 2;
    const std::uint8_t type = wire::get<L::kExpectedSectorType>(layout_of<L::kSize>(cdb));
    const bool on_cd = !present || profile_of(unit.blocks) == Profile::cd_rom;
    return on_cd && (type == kAny || type == kMode1)
               ? std::nullopt
               : std::optional{illegal_request(Asc::illegal_mode_for_this_track)};
}

std::expected<Range, Sense> cd_range(wire::Bytes cdb, const UnitDescription& unit, bool present) {
    using L = ReadCdCdb;
    if (const auto refused = refuse_sectors<L>(cdb, unit, present)) {
        return std::unexpected(*refused);
    }
    return range_of<L>(cdb, wire::get<L::kUserData>(layout_of<L::kSize>(cdb)) != 0);
}

/// Nothing: it is no time, or before the first block.
std::optional<std::uint64_t> lba_of(std::uint32_t msf) {
    const std::uint32_t minute = msf >> 16U;
    const std::uint32_t second = msf >> 8U & 0xffU;
    const std::uint32_t frame = msf & 0xffU;
    const std::uint64_t frames = minute * kFramesOfMinute + second * kFramesOfSecond + frame;
    if (second >= 60 || frame >= kFramesOfSecond || frames < kFirstFrame) {
        return std::nullopt;
    }
    return frames - kFirstFrame;
}

std::expected<Range, Sense> cd_msf_range(wire::Bytes cdb, const UnitDescription& unit, bool present) {
    using L = ReadCdMsfCdb;
    if (const auto refused = refuse_sectors<L>(cdb, unit, present)) {
        return std::unexpected(*refused);
    }
    const auto raw = layout_of<L::kSize>(cdb);
    const auto start = lba_of(wire::get<L::kStart>(raw));
    const auto end = lba_of(wire::get<L::kEnd>(raw));
    if (!start) {
        return std::unexpected(invalid_field(L::kStart));
    }
    if (!end || *end < *start) {
        return std::unexpected(invalid_field(L::kEnd));
    }
    return Range{*start, *end - *start, wire::get<L::kUserData>(raw) != 0, L::kEnd};
}

std::expected<Range, Sense> range_of(CommandId id, wire::Bytes cdb, const UnitDescription& unit,
                                     bool present) {
    switch (id) {
        case CommandId::read_10:
            return range_of<DiscRead10Cdb>(cdb, true);
        case CommandId::read_12:
            return range_of<DiscRead12Cdb>(cdb, true);
        case CommandId::verify_10:
            return range_of<DiscVerify10Cdb>(cdb, false);
        case CommandId::seek_10:
            return Range{wire::get<Seek10Cdb::kLba>(layout_of<Seek10Cdb::kSize>(cdb)), 1, false,
                         Seek10Cdb::kLba};
        case CommandId::read_cd:
            return cd_range(cdb, unit, present);
        case CommandId::read_cd_msf:
            return cd_msf_range(cdb, unit, present);
        default:
            break;
    }
    base::assertion_failed("planned a command that names no blocks of a disc", __FILE__, __LINE__);
}

}  // namespace

bool accesses_disc(CommandId id) {
    switch (id) {
        case CommandId::read_10:
        case CommandId::read_12:
        case CommandId::verify_10:
        case CommandId::seek_10:
        case CommandId::read_cd:
        case CommandId::read_cd_msf:
            return true;
        default:
            return false;
    }
}

std::expected<MediumAccess, Sense> plan_disc_access(CommandId id, wire::Bytes cdb,
                                                    const UnitDescription& unit, bool present) {
    const auto range = range_of(id, cdb, unit, present);
    if (!range) {
        return std::unexpected(range.error());
    }
    if (present) {
        if (const auto beyond = beyond_medium(range->lba, range->blocks, unit)) {
            return std::unexpected(*beyond);
        }
    }
    if (range->reads && unit.limits.max_transfer != 0 && range->blocks > unit.limits.max_transfer) {
        return std::unexpected(invalid_field(range->where));
    }
    MediumAccess access{.lba = range->lba, .blocks = range->blocks};
    if (range->reads) {
        access.data_in_bytes = range->blocks * unit.block_size;
    } else if (id != CommandId::verify_10) {
        access.blocks = id == CommandId::seek_10 ? 1 : 0;  // READ CD of no part of a sector
    }
    return access;
}

}  // namespace targe::scsi
