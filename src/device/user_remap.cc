// Answers that leave the work to whoever asked: a list of blocks that are to be written or copied.
#include "device/user_remap.h"

#include "device/user_memory.h"
#include "device/user_queue.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace targe::device {

namespace {

constexpr std::uint32_t kLeastBlock = 512;
constexpr std::uint32_t kLargestBlock = TARGE_REMAP_BYTES - TARGE_REMAP_BLOCK_AT;
/// Of data-out: with them the list fits into a slot's own piece of the arena, so it costs no other command
/// anything.
constexpr std::uint64_t kMostOut = 8192;
static_assert(kMostOut + TARGE_REMAP_BYTES + in_lines(TARGE_MAX_CDB) <= TARGE_SLOT_BYTES);
static_assert(TARGE_MAX_REMAPS * sizeof(targe_remap) <= TARGE_REMAP_BLOCK_AT);

/// Whether the address of the last block of `blocks` from `lba` on is one.
bool has_end(std::uint64_t lba, std::uint64_t blocks) {
    return blocks != 0 && blocks - 1 <= UINT64_MAX - lba;
}

bool can_be_done(const targe_remap& range, bool copies) {
    const std::uint64_t apart = std::max(range.lba, range.source) - std::min(range.lba, range.source);
    return has_end(range.lba, range.blocks) &&
           (!copies || (has_end(range.source, range.blocks) && apart >= range.blocks));
}

}  // namespace

bool UserQueue::may_remap(const UserRequest& request) const {
    return request.server != nullptr && request.server->may_remap && request.in.empty() &&
           (attachment_->hello.can & TARGE_MAY_REMAP) != 0 && base::total_size(request.out) <= kMostOut;
}

/// The attachment of which its remap is is over.
bool UserQueue::is_of_who_left(const UserRequest& request) const {
    return is_part_of_remap(request) && (!attachment_ || attachments_ != request.server->only_by);
}

/// Copied once, for the handler may change it at any time. Null: it cannot be done.
std::shared_ptr<const ServerRemap> UserQueue::remap_of(const Slot& slot,
                                                       const targe_completion& completion) const {
    const bool copies = completion.flags == TARGE_COMPLETION_COPIES;
    const bool may = slot.may_remap && (copies || completion.flags == TARGE_COMPLETION_WRITES_SAME) &&
                     completion.error == 0 && completion.status == 0 && completion.remaps != 0 &&
                     completion.remaps <= TARGE_MAX_REMAPS && completion.block_bytes >= kLeastBlock &&
                     completion.block_bytes <= kLargestBlock;
    if (!may) {
        return nullptr;
    }
    const std::byte* const room = attachment_->memory->arena(index_).data() + slot.in_offset;
    std::array<targe_remap, TARGE_MAX_REMAPS> list{};
    std::memcpy(list.data(), room, completion.remaps * sizeof(targe_remap));
    auto made = std::make_shared<ServerRemap>();
    for (const targe_remap& each : std::span{list}.first(completion.remaps)) {
        if (!can_be_done(each, copies)) {
            return nullptr;
        }
        made->ranges.push_back({.lba = each.lba, .blocks = each.blocks, .source = each.source});
    }
    made->block_bytes = completion.block_bytes;
    if (!copies) {
        const std::byte* const block = room + TARGE_REMAP_BLOCK_AT;
        made->block.assign(block, block + completion.block_bytes);
    }
    made->answered_by = attachments_;
    return made;
}

}  // namespace targe::device
