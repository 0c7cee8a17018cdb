#include "scsi/rod_token.h"

#include "scsi/cdb.h"
#include "scsi/medium_access.h"
#include "scsi/parameter_writer.h"
#include "scsi/third_party_copy.h"
#include "scsi/vital_product_data.h"

#include <algorithm>
#include <optional>

namespace targe::scsi {
namespace {

/// POPULATE TOKEN parameter list.
struct PopulateTokenList {
    static constexpr std::size_t kHeader = 16;
    static constexpr wire::Field kDataLength = wire::bytes(0, 1);
    static constexpr wire::Field kRodTypeValid = wire::bit(2, 1);  ///< RTV
    static constexpr wire::Field kTimeout = wire::bytes(4, 7);
    static constexpr wire::Field kRodType = wire::bytes(8, 11);
    static constexpr wire::Field kRangesLength = wire::bytes(14, 15);
};

/// WRITE USING TOKEN parameter list.
struct WriteUsingTokenList {
    static constexpr std::size_t kHeader = 536;
    static constexpr wire::Field kDelete = wire::bit(2, 1);     ///< DEL_TKN
    static constexpr wire::Field kImmediate = wire::bit(2, 0);  ///< IMMED
    static constexpr wire::Field kOffset = wire::bytes(8, 15);
    static constexpr std::size_t kToken = 16;
    static constexpr wire::Field kRangesLength = wire::bytes(534, 535);
};

struct RangeDescriptor {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kLba = wire::bytes(0, 7);
    static constexpr wire::Field kBlocks = wire::bytes(8, 11);
};

constexpr std::unexpected<Sense> refused(Asc asc) {
    return std::unexpected(illegal_request(asc));
}

struct Ranges {
    std::uint64_t blocks = 0;
    std::vector<TokenRange> ranges;
};

bool overlap(std::vector<TokenRange> ranges) {
    std::ranges::sort(ranges, {}, &TokenRange::lba);
    return std::ranges::adjacent_find(ranges, [](const TokenRange& a, const TokenRange& b) {
               return b.lba - a.lba < a.blocks;
           }) != ranges.end();
}

std::expected<Ranges, Sense> read_ranges(wire::Bytes descriptors, std::size_t at,
                                         const UnitDescription& unit) {
    Ranges found;
    for (; descriptors.size() >= RangeDescriptor::kSize;
         descriptors = descriptors.subspan(RangeDescriptor::kSize), at += RangeDescriptor::kSize) {
        const TokenRange range{.lba = field_value(descriptors, RangeDescriptor::kLba),
                               .blocks = field_value(descriptors, RangeDescriptor::kBlocks)};
        if (const auto beyond = beyond_medium(range.lba, range.blocks, unit)) {
            return std::unexpected(*beyond);
        }
        found.blocks += range.blocks;
        if (found.blocks > copy_limits::kTokenBytes / unit.block_size) {
            return std::unexpected(invalid_parameter(at + RangeDescriptor::kBlocks.byte));
        }
        if (range.blocks > 0) {
            found.ranges.push_back(range);
        }
    }
    return found;
}

/// The block device range descriptors, once the lengths have been found to agree.
std::expected<Ranges, Sense> ranges_of(wire::Bytes list, std::size_t header, wire::Field ranges_length,
                                       const UnitDescription& unit) {
    constexpr wire::Field kDataLength = PopulateTokenList::kDataLength;
    constexpr std::size_t kBeforeCount = 2;  // the length does not count itself
    const std::size_t length = field_value(list, ranges_length);
    if (length > list.size() - header) {
        return refused(Asc::parameter_list_length_error);
    }
    if (length < RangeDescriptor::kSize) {
        return std::unexpected(invalid_parameter(ranges_length.byte));
    }
    if (field_value(list, kDataLength) < header - kBeforeCount + length) {
        return std::unexpected(invalid_parameter(kDataLength.byte));
    }
    if (length / RangeDescriptor::kSize > copy_limits::kTokenRanges) {
        return refused(Asc::too_many_segment_descriptors);
    }
    auto found = read_ranges(list.subspan(header, length), header, unit);
    if (found && overlap(found->ranges)) {
        return std::unexpected(invalid_parameter(header));
    }
    return found;
}

/// Whether a token of a change-vulnerable ROD is what was asked for: it is the only kind that is made.
bool can_make(std::uint64_t type) {
    constexpr std::uint64_t kDefault = 0x0080'0000;
    constexpr std::uint64_t kAny = 0x0080'ffff;
    return type == static_cast<std::uint64_t>(RodType::change_vulnerable) || type == kDefault || type == kAny;
}

/// The creator logical unit descriptor: an identification CSCD descriptor with the first designator.
void write_creator(const UnitDescription& unit, ParameterWriter& out) {
    constexpr std::size_t kDesignatorRoom = 20;
    constexpr std::size_t kHeader = 4;
    std::array<std::byte, 512> room{};
    ParameterWriter designators{room};
    write_unit_designators(unit.identity, designators);
    const wire::Bytes first = designators.written();
    const std::size_t length = std::min(std::to_integer<std::size_t>(first[3]), kDesignatorRoom);
    out.u8(0xe4);
    out.u8(static_cast<std::uint8_t>(unit.type));
    out.u16(0);
    out.bytes(first.first(kHeader + length));
    out.zeroes(kDesignatorRoom - length);
    out.u32(unit.block_size);
}

}  // namespace

std::uint32_t rod_type(const RodTokenBytes& token) {
    return static_cast<std::uint32_t>(field_value(token, wire::bytes(0, 3)));
}

RodTokenBytes make_rod_token(const RodTokenMaker& maker) {
    constexpr std::size_t kIdentifierBytes = 8;
    constexpr std::size_t kDeviceSpecific = 96;
    constexpr std::size_t kTargetDescriptor = 128;
    constexpr std::size_t kExtended = kRodTokenBytes - 24;
    RodTokenBytes token{};
    ParameterWriter out{token};
    out.u32(static_cast<std::uint32_t>(RodType::change_vulnerable));
    out.u16(0);
    out.u16(kRodTokenBytes - 8);
    out.bytes(maker.secret.first<kIdentifierBytes>());
    write_creator(maker.unit, out);
    out.u64(0);
    out.u64(maker.bytes);
    out.zeroes(kDeviceSpecific - out.size());
    out.u32(maker.unit.block_size);  // as in READ CAPACITY(16), from its second field on
    out.u8(0);
    out.u8(maker.unit.physical_block_exponent);
    out.zeroes(kTargetDescriptor - out.size());
    // Its name is at most 223 bytes long, [RFC 7143 4.2.7].
    constexpr std::uint8_t kUtf8 = 0x53;
    constexpr std::uint8_t kTargetDeviceName = 0xa8;
    const std::string_view name = maker.target.substr(0, 251);
    out.u8(kUtf8);
    out.u8(kTargetDeviceName);
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(name.size() + 4 - name.size() % 4));
    out.characters(name);
    out.zeroes(kExtended - out.size());
    out.bytes(maker.secret.subspan<kIdentifierBytes>());
    return token;
}

std::expected<PopulateToken, Sense> parse_populate_token(wire::Bytes list, const UnitDescription& unit) {
    using L = PopulateTokenList;
    if (list.size() < L::kHeader) {
        return refused(Asc::parameter_list_length_error);
    }
    const std::uint64_t timeout = field_value(list, L::kTimeout);
    if (timeout > copy_limits::kLongestTokenTimeout) {
        return std::unexpected(invalid_parameter(L::kTimeout.byte));
    }
    if (field_value(list, L::kRodTypeValid) != 0 && !can_make(field_value(list, L::kRodType))) {
        return std::unexpected(invalid_parameter(L::kRodType.byte));
    }
    auto ranges = ranges_of(list, L::kHeader, L::kRangesLength, unit);
    if (!ranges) {
        return std::unexpected(ranges.error());
    }
    return PopulateToken{
        .timeout_s = timeout == 0 ? copy_limits::kTokenTimeout : static_cast<std::uint32_t>(timeout),
        .blocks = ranges->blocks,
        .ranges = std::move(ranges->ranges)};
}

std::expected<WriteUsingToken, Sense> parse_write_using_token(wire::Bytes list, const UnitDescription& unit) {
    using L = WriteUsingTokenList;
    if (list.size() < L::kHeader) {
        return refused(Asc::parameter_list_length_error);
    }
    auto ranges = ranges_of(list, L::kHeader, L::kRangesLength, unit);
    if (!ranges) {
        return std::unexpected(ranges.error());
    }
    WriteUsingToken request{.immediate = field_value(list, L::kImmediate) != 0,
                            .deletes = field_value(list, L::kDelete) != 0,
                            .offset = field_value(list, L::kOffset),
                            .blocks = ranges->blocks,
                            .ranges = std::move(ranges->ranges)};
    std::ranges::copy(list.subspan(L::kToken, kRodTokenBytes), request.token.begin());
    return request;
}

}  // namespace targe::scsi
