#include "scsi/extended_copy.h"

#include "scsi/cdb.h"
#include "scsi/parameter_writer.h"
#include "scsi/third_party_copy.h"
#include "scsi/vital_product_data.h"

#include <algorithm>
#include <optional>

namespace targe::scsi {
namespace {

/// Header of the EXTENDED COPY(LID1) parameter list.
struct Lid1Header {
    static constexpr std::size_t kSize = 16;
    static constexpr wire::Field kListIdentifier = wire::bytes(0, 0);
    static constexpr wire::Field kListIdUsage = wire::bits(1, 4, 3);
    static constexpr wire::Field kCscdLength = wire::bytes(2, 3);
    static constexpr wire::Field kSegmentLength = wire::bytes(8, 11);
    static constexpr wire::Field kInlineLength = wire::bytes(12, 15);
};

/// Header of the EXTENDED COPY(LID4) parameter list, the one format that there is.
struct Lid4Header {
    static constexpr std::size_t kSize = 48;
    static constexpr std::uint8_t kFormat = 0x01;
    static constexpr std::uint16_t kHeaderCscdLength = 0x20;
    static constexpr std::uint8_t kHeaderCscd = 0xff;
    static constexpr wire::Field kListFormat = wire::bytes(0, 0);
    static constexpr wire::Field kListIdUsage = wire::bits(1, 4, 3);
    static constexpr wire::Field kHeaderLength = wire::bytes(2, 3);
    static constexpr wire::Field kSenseAlways = wire::bit(15, 1);  ///< G_SENSE: sense data with GOOD
    static constexpr wire::Field kImmediate = wire::bit(15, 0);
    static constexpr wire::Field kHeaderType = wire::bytes(16, 16);
    static constexpr wire::Field kListIdentifier = wire::bytes(20, 23);
    static constexpr wire::Field kCscdLength = wire::bytes(42, 43);
    static constexpr wire::Field kSegmentLength = wire::bytes(44, 45);
    static constexpr wire::Field kInlineLength = wire::bytes(46, 47);
};

/// Identification CSCD descriptor, [SPC-4 r37 6.4.5]. LU ID TYPE says what an LU IDENTIFIER is, and this type
/// has none, so it is not looked at.
struct IdentificationCscd {
    static constexpr std::size_t kSize = copy_limits::kCscdDescriptorBytes;
    static constexpr std::uint8_t kType = 0xe4;
    static constexpr wire::Field kDescriptorType = wire::bytes(0, 0);
    static constexpr wire::Field kNull = wire::bit(1, 5);
    static constexpr wire::Field kDeviceType = wire::bits(1, 4, 0);
    static constexpr wire::Field kCodeSet = wire::bits(4, 3, 0);
    static constexpr wire::Field kAssociationAndType = wire::bits(5, 5, 0);
    static constexpr wire::Field kLength = wire::bytes(7, 7);
    static constexpr std::size_t kDesignator = 8;
    static constexpr wire::Field kPad = wire::bit(28, 2);
    static constexpr wire::Field kBlockBytes = wire::bytes(29, 31);
};

/// What the segment descriptors that are offered have in common, [SPC-4 r37 6.4.6].
struct Segment {
    static constexpr std::size_t kHeader = 4;
    static constexpr wire::Field kType = wire::bytes(0, 0);
    static constexpr wire::Field kDc = wire::bit(1, 1);
    static constexpr wire::Field kCat = wire::bit(1, 0);
    static constexpr wire::Field kLength = wire::bytes(2, 3);
    static constexpr wire::Field kSource = wire::bytes(4, 5);
    static constexpr wire::Field kDestination = wire::bytes(6, 7);
    static constexpr wire::Field kBlocks = wire::bytes(10, 11);
    static constexpr wire::Field kBytes = wire::bytes(8, 11);
    static constexpr wire::Field kSourceLba = wire::bytes(12, 19);
    static constexpr wire::Field kDestinationLba = wire::bytes(20, 27);
    static constexpr wire::Field kSourceOffset = wire::bytes(28, 29);
    static constexpr wire::Field kDestinationOffset = wire::bytes(30, 31);
    static constexpr std::size_t kBlocksSize = 28;
    static constexpr std::size_t kBytesSize = 32;
};

constexpr std::unexpected<Sense> refused(Asc asc) {
    return std::unexpected(illegal_request(asc));
}

/// The lists that follow the header, and where they begin.
struct Lists {
    std::size_t header;
    wire::Field cscd_length;
    wire::Field segment_length;
    wire::Field inline_length;
};
constexpr Lists kLid1Lists{.header = Lid1Header::kSize,
                           .cscd_length = Lid1Header::kCscdLength,
                           .segment_length = Lid1Header::kSegmentLength,
                           .inline_length = Lid1Header::kInlineLength};
constexpr Lists kLid4Lists{.header = Lid4Header::kSize,
                           .cscd_length = Lid4Header::kCscdLength,
                           .segment_length = Lid4Header::kSegmentLength,
                           .inline_length = Lid4Header::kInlineLength};

std::expected<Cscd, Sense> parse_cscd(wire::Bytes list, std::size_t at) {
    using L = IdentificationCscd;
    const auto raw = list.subspan(at, L::kSize).first<L::kSize>();
    if (wire::get<L::kDescriptorType>(raw) != L::kType) {
        return refused(Asc::unsupported_target_descriptor_type_code);
    }
    if (wire::get<L::kLength>(raw) > Cscd::kMaxDesignatorBytes) {
        return std::unexpected(invalid_parameter(at + L::kLength.byte));
    }
    Cscd cscd{.null = wire::get<L::kNull>(raw) != 0,
              .device_type = wire::get<L::kDeviceType>(raw),
              .code_set = wire::get<L::kCodeSet>(raw),
              .association_and_type = wire::get<L::kAssociationAndType>(raw),
              .designator_bytes = wire::get<L::kLength>(raw),
              .block_bytes = wire::get<L::kBlockBytes>(raw),
              .pad = wire::get<L::kPad>(raw) != 0};
    std::ranges::copy(raw.subspan(L::kDesignator, Cscd::kMaxDesignatorBytes), cscd.designator.begin());
    return cscd;
}

std::expected<std::vector<Cscd>, Sense> parse_cscds(wire::Bytes list, std::size_t begin, std::size_t length) {
    if (length / IdentificationCscd::kSize > copy_limits::kCscdDescriptors) {
        return refused(Asc::too_many_target_descriptors);
    }
    std::vector<Cscd> cscds;
    for (std::size_t at = begin; at < begin + length; at += IdentificationCscd::kSize) {
        const auto cscd = parse_cscd(list, at);
        if (!cscd) {
            return std::unexpected(cscd.error());
        }
        cscds.push_back(*cscd);
    }
    return cscds;
}

std::optional<std::size_t> size_of_segment(std::uint64_t type) {
    switch (type) {
        case static_cast<std::uint64_t>(CopySegment::Type::blocks):
            return Segment::kBlocksSize;
        case static_cast<std::uint64_t>(CopySegment::Type::bytes_with_offset):
            return Segment::kBytesSize;
        default:
            return std::nullopt;
    }
}

CopySegment segment_of(wire::Bytes raw) {
    CopySegment segment{.type = static_cast<CopySegment::Type>(field_value(raw, Segment::kType)),
                        .catenates = field_value(raw, Segment::kCat) != 0,
                        .source = static_cast<std::uint16_t>(field_value(raw, Segment::kSource)),
                        .destination = static_cast<std::uint16_t>(field_value(raw, Segment::kDestination)),
                        .source_lba = field_value(raw, Segment::kSourceLba),
                        .destination_lba = field_value(raw, Segment::kDestinationLba)};
    if (segment.type == CopySegment::Type::blocks) {
        segment.counts_destination_blocks = field_value(raw, Segment::kDc) != 0;
        segment.count = static_cast<std::uint32_t>(field_value(raw, Segment::kBlocks));
    } else {
        segment.count = static_cast<std::uint32_t>(field_value(raw, Segment::kBytes));
        segment.source_offset = static_cast<std::uint16_t>(field_value(raw, Segment::kSourceOffset));
        segment.destination_offset =
            static_cast<std::uint16_t>(field_value(raw, Segment::kDestinationOffset));
    }
    return segment;
}

std::expected<std::vector<CopySegment>, Sense> parse_segments(wire::Bytes list, std::size_t begin,
                                                              std::size_t length) {
    std::vector<CopySegment> segments;
    const std::size_t end = begin + length;
    for (std::size_t at = begin; at < end;) {
        if (segments.size() == copy_limits::kSegmentDescriptors) {
            return refused(Asc::too_many_segment_descriptors);
        }
        const auto size = size_of_segment(std::to_integer<std::uint64_t>(list[at]));
        if (!size) {
            return refused(Asc::unsupported_segment_descriptor_type_code);
        }
        if (*size > end - at) {
            return refused(Asc::parameter_list_length_error);
        }
        const wire::Bytes raw = list.subspan(at, *size);
        if (field_value(raw, Segment::kLength) != *size - Segment::kHeader) {
            return std::unexpected(invalid_parameter(at + Segment::kLength.byte));
        }
        segments.push_back(segment_of(raw));
        at += *size;
    }
    return segments;
}

std::expected<ExtendedCopy, Sense> parse_lists(wire::Bytes list, const Lists& where, ExtendedCopy copy) {
    const std::uint64_t cscd_length = field_value(list, where.cscd_length);
    const std::uint64_t segment_length = field_value(list, where.segment_length);
    if (cscd_length + segment_length > copy_limits::kDescriptorListBytes ||
        cscd_length + segment_length > list.size() - where.header ||
        cscd_length % IdentificationCscd::kSize != 0) {
        return refused(Asc::parameter_list_length_error);
    }
    if (field_value(list, where.inline_length) != 0) {
        return refused(Asc::inline_data_length_exceeded);
    }
    auto cscds = parse_cscds(list, where.header, cscd_length);
    if (!cscds) {
        return std::unexpected(cscds.error());
    }
    auto segments = parse_segments(list, where.header + cscd_length, segment_length);
    if (!segments) {
        return std::unexpected(segments.error());
    }
    copy.cscds = *std::move(cscds);
    copy.segments = *std::move(segments);
    return copy;
}

std::expected<ListIdUsage, Sense> usage_of(wire::Bytes list, wire::Field usage, wire::Field identifier) {
    constexpr std::uint64_t kReserved = 0b01;
    const std::uint64_t value = field_value(list, usage);
    if (value == kReserved) {
        return std::unexpected(invalid_parameter(usage.byte, usage.msb));
    }
    const auto kind = static_cast<ListIdUsage>(value);
    if (kind == ListIdUsage::none && field_value(list, identifier) != 0) {
        return std::unexpected(invalid_parameter(identifier.byte));
    }
    return kind;
}

std::expected<ExtendedCopy, Sense> parse_lid1(wire::Bytes list) {
    using L = Lid1Header;
    const auto usage = usage_of(list, L::kListIdUsage, L::kListIdentifier);
    if (!usage) {
        return std::unexpected(usage.error());
    }
    return parse_lists(list, kLid1Lists,
                       {.id = {.kind = ListIdKind::lid1,
                               .value = static_cast<std::uint32_t>(field_value(list, L::kListIdentifier))},
                        .usage = *usage,
                        .cscds = {},
                        .segments = {}});
}

std::expected<ExtendedCopy, Sense> parse_lid4(wire::Bytes list) {
    using L = Lid4Header;
    if (field_value(list, L::kListFormat) != L::kFormat) {
        return std::unexpected(invalid_parameter(L::kListFormat.byte));
    }
    if (field_value(list, L::kHeaderLength) != L::kHeaderCscdLength) {
        return std::unexpected(invalid_parameter(L::kHeaderLength.byte));
    }
    if (field_value(list, L::kHeaderType) != L::kHeaderCscd) {
        return std::unexpected(invalid_parameter(L::kHeaderType.byte));
    }
    if (field_value(list, L::kSenseAlways) != 0) {
        return std::unexpected(invalid_parameter(L::kSenseAlways.byte, L::kSenseAlways.msb));
    }
    const auto usage = usage_of(list, L::kListIdUsage, L::kListIdentifier);
    if (!usage) {
        return std::unexpected(usage.error());
    }
    if (*usage == ListIdUsage::none && field_value(list, L::kImmediate) != 0) {
        return std::unexpected(invalid_parameter(L::kImmediate.byte, L::kImmediate.msb));  // nobody could ask
    }
    return parse_lists(list, kLid4Lists,
                       {.id = {.kind = ListIdKind::lid4,
                               .value = static_cast<std::uint32_t>(field_value(list, L::kListIdentifier))},
                        .usage = *usage,
                        .immediate = field_value(list, L::kImmediate) != 0,
                        .cscds = {},
                        .segments = {}});
}

/// The bytes that a segment moves, or why they are not to be had.
std::expected<std::uint64_t, Asc> bytes_of(const CopySegment& segment, const UnitDescription& source,
                                           const UnitDescription& destination) {
    const std::uint64_t bytes =
        segment.type == CopySegment::Type::bytes_with_offset
            ? segment.count
            : std::uint64_t{segment.count} *
                  (segment.counts_destination_blocks ? destination.block_size : source.block_size);
    const bool whole = bytes % source.block_size == 0 && bytes % destination.block_size == 0;
    if (segment.type == CopySegment::Type::blocks && !whole) {
        return std::unexpected(Asc::unexpected_inexact_segment);
    }
    if (!whole || segment.source_offset % source.block_size != 0 ||
        segment.destination_offset % destination.block_size != 0) {
        return std::unexpected(Asc::copy_segment_granularity_violation);
    }
    return bytes;
}

bool fits(std::uint64_t lba, std::uint64_t blocks, const UnitDescription& unit) {
    return lba <= unit.blocks && blocks <= unit.blocks - lba;
}

}  // namespace

bool designates(const Cscd& cscd, const UnitIdentity& identity) {
    constexpr std::size_t kHeader = 4;
    std::array<std::byte, 512> room{};
    ParameterWriter out{room};
    write_unit_designators(identity, out);
    wire::Bytes left = out.written();
    while (left.size() >= kHeader) {
        const auto length = std::to_integer<std::size_t>(left[3]);
        const wire::Bytes name = left.subspan(kHeader, std::min(length, left.size() - kHeader));
        if (std::to_integer<unsigned>(left[0] & std::byte{0x0f}) == cscd.code_set &&
            std::to_integer<unsigned>(left[1] & std::byte{0x3f}) == cscd.association_and_type &&
            std::ranges::equal(name, cscd.name())) {
            return true;
        }
        left = left.subspan(kHeader + name.size());
    }
    return false;
}

std::expected<ExtendedCopy, Sense> parse_extended_copy(ListIdKind kind, wire::Bytes list) {
    const std::size_t header = kind == ListIdKind::lid1 ? Lid1Header::kSize : Lid4Header::kSize;
    if (list.size() < header) {
        return refused(Asc::parameter_list_length_error);
    }
    return kind == ListIdKind::lid1 ? parse_lid1(list) : parse_lid4(list);
}

std::expected<CopyExtent, Sense> plan_segment(const CopySegment& segment, std::uint16_t number,
                                              const UnitDescription& source,
                                              const UnitDescription& destination) {
    const auto bytes = bytes_of(segment, source, destination);
    if (!bytes) {
        return std::unexpected(copy_aborted(bytes.error(), number));
    }
    const std::uint64_t source_skip = segment.source_offset / source.block_size;
    const std::uint64_t destination_skip = segment.destination_offset / destination.block_size;
    const bool reached =
        fits(segment.source_lba, source_skip + *bytes / source.block_size, source) &&
        fits(segment.destination_lba, destination_skip + *bytes / destination.block_size, destination);
    if (!reached) {
        return std::unexpected(copy_aborted(Asc::no_additional_sense_information, number));
    }
    return CopyExtent{.source_lba = segment.source_lba + source_skip,
                      .destination_lba = segment.destination_lba + destination_skip,
                      .bytes = *bytes};
}

}  // namespace targe::scsi
