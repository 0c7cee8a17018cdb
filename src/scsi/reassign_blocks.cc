#include "scsi/reassign_blocks.h"

#include "scsi/cdb.h"

namespace targe::scsi {
namespace {

struct ListHeader {
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kShortLength = wire::bytes(2, 3);
    static constexpr wire::Field kLongLength = wire::bytes(0, 3);
};

std::unexpected<Sense> refused(Sense sense) {
    sense.command_specific = kNoBlockInParticular;
    return std::unexpected(sense);
}

}  // namespace

std::expected<std::vector<std::uint64_t>, Sense> reassigned_blocks(wire::Bytes cdb, wire::Bytes list,
                                                                   const UnitDescription& unit) {
    using H = ListHeader;
    const bool long_lba = field_value(cdb, ReassignBlocksCdb::kLongLba) != 0;
    const wire::Field length_at =
        field_value(cdb, ReassignBlocksCdb::kLongList) != 0 ? H::kLongLength : H::kShortLength;
    if (list.size() < H::kSize) {
        return refused(illegal_request(Asc::parameter_list_length_error));
    }
    const std::uint64_t length = field_value(list, length_at);
    const std::size_t each = long_lba ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
    if (length % each != 0 || length / each > kMaxReassigned) {
        return refused(invalid_parameter(length_at.byte));
    }
    if (length > list.size() - H::kSize) {
        return refused(illegal_request(Asc::parameter_list_length_error));
    }
    std::vector<std::uint64_t> blocks;
    for (std::size_t at = H::kSize; at < H::kSize + length; at += each) {
        const wire::Bytes entry = list.subspan(at, each);
        const std::uint64_t lba =
            long_lba ? field_value(entry, wire::bytes(0, 7)) : field_value(entry, wire::bytes(0, 3));
        if (!blocks.empty() && lba <= blocks.back()) {
            return refused(invalid_parameter(at));
        }
        if (lba >= unit.blocks) {
            return refused(lba_out_of_range(lba));
        }
        blocks.push_back(lba);
    }
    return blocks;
}

}  // namespace targe::scsi
