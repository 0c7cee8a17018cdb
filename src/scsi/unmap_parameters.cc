#include "scsi/unmap_parameters.h"

namespace targe::scsi {
namespace {

/// Header of the parameter list.
struct UnmapHeader {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kDataLength = wire::bytes(0, 1);
    static constexpr wire::Field kDescriptorsLength = wire::bytes(2, 3);
};

struct UnmapDescriptor {
    static constexpr std::size_t kSize = UnmapRanges::kDescriptorSize;
    static constexpr wire::Field kLba = wire::bytes(0, 7);
    static constexpr wire::Field kBlocks = wire::bytes(8, 11);
};

std::size_t at_descriptor(std::size_t i, wire::Field field) {
    return UnmapHeader::kSize + i * UnmapDescriptor::kSize + field.byte;
}

/// The block descriptors, once the lengths have been found to agree.
std::expected<wire::Bytes, Sense> descriptors_of(wire::Bytes list) {
    if (list.size() < UnmapHeader::kSize) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    const auto header = list.first<UnmapHeader::kSize>();
    const std::size_t length = wire::get<UnmapHeader::kDescriptorsLength>(header);
    if (length > list.size() - UnmapHeader::kSize) {
        return std::unexpected(illegal_request(Asc::parameter_list_length_error));
    }
    // UNMAP DATA LENGTH counts what follows it: six bytes of header and the descriptors.
    constexpr std::size_t kRestOfHeader = UnmapHeader::kSize - 2;
    if (wire::get<UnmapHeader::kDataLength>(header) < kRestOfHeader + length) {
        return std::unexpected(invalid_parameter(UnmapHeader::kDataLength.byte));
    }
    // An incomplete descriptor at the end is ignored.
    return list.subspan(UnmapHeader::kSize, length - length % UnmapDescriptor::kSize);
}

}  // namespace

UnmapRange UnmapRanges::operator[](std::size_t i) const {
    const auto raw = descriptors_.subspan(i * UnmapDescriptor::kSize, UnmapDescriptor::kSize)
                         .first<UnmapDescriptor::kSize>();
    return {.lba = wire::get<UnmapDescriptor::kLba>(raw), .blocks = wire::get<UnmapDescriptor::kBlocks>(raw)};
}

std::expected<UnmapRanges, Sense> parse_unmap(wire::Bytes list, const UnitDescription& unit) {
    if (list.empty()) {
        return UnmapRanges{};
    }
    const auto descriptors = descriptors_of(list);
    if (!descriptors) {
        return std::unexpected(descriptors.error());
    }
    const UnmapRanges ranges{*descriptors};
    if (ranges.size() > unit.limits.max_unmap_descriptors) {
        return std::unexpected(invalid_parameter(UnmapHeader::kDescriptorsLength.byte));
    }
    std::uint64_t total = 0;  // at most 4096 descriptors of 32 bits: cannot wrap
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const UnmapRange range = ranges[i];
        if (range.lba > unit.blocks || range.blocks > unit.blocks - range.lba) {
            return std::unexpected(lba_out_of_range(range.lba));
        }
        total += range.blocks;
        if (total > unit.limits.max_unmap) {
            return std::unexpected(invalid_parameter(at_descriptor(i, UnmapDescriptor::kBlocks)));
        }
    }
    return ranges;
}

}  // namespace targe::scsi
