// Commands that are answered with what targed is to do in their place.
#include "libtarge/internal.h"

#include <errno.h>
#include <string.h>

enum { kHardwareError = 4, kInternalTargetFailure = 0x44, kLeastBlock = 512 };

/// So that a caller who does not look has not told of success.
static int refuse(struct targe_command* command, int error) {
    ((struct request*)command)->remap = 0;
    targe_fail(command, kHardwareError, kInternalTargetFailure, 0x00);
    return -error;
}

static bool can_be(const struct targe_range* range, bool copies) {
    if (range->blocks == 0 || range->blocks - 1 > UINT64_MAX - range->lba ||
        range->blocks - 1 > UINT64_MAX - range->source) {
        return false;
    }
    const uint64_t apart =
        range->lba > range->source ? range->lba - range->source : range->source - range->lba;
    return copies ? apart >= range->blocks : range->source == 0;
}

static int remap(struct targe_command* command, uint32_t how, const void* block, uint32_t block_bytes,
                 const struct targe_range* ranges, uint32_t count) {
    struct request* const request = (struct request*)command;
    if (request->remap_room == NULL || request->goes_on) {
        return refuse(command, ENOTSUP);
    }
    if (count == 0 || count > TARGE_MAX_RANGES || block_bytes < kLeastBlock ||
        block_bytes > TARGE_MAX_REMAP_BLOCK) {
        return refuse(command, EINVAL);
    }
    for (uint32_t i = 0; i < count; ++i) {
        if (!can_be(&ranges[i], how == TARGE_COMPLETION_COPIES)) {
            return refuse(command, EINVAL);
        }
        const struct targe_remap one = {
            .lba = ranges[i].lba, .blocks = ranges[i].blocks, .source = ranges[i].source};
        memcpy(request->remap_room + i * sizeof one, &one, sizeof one);
    }
    if (block != NULL) {
        memcpy(request->remap_room + TARGE_REMAP_BLOCK_AT, block, block_bytes);
    }
    request->remap = how;
    request->remaps = count;
    request->remap_block_bytes = block_bytes;
    command->status = TARGE_GOOD;
    return TARGE_DONE;
}

int targe_remap_write_same(struct targe_command* command, const void* block, uint32_t block_bytes,
                           const struct targe_range* ranges, uint32_t count) {
    return block == NULL ? refuse(command, EINVAL)
                         : remap(command, TARGE_COMPLETION_WRITES_SAME, block, block_bytes, ranges, count);
}

int targe_remap_copy(struct targe_command* command, uint32_t block_bytes, const struct targe_range* ranges,
                     uint32_t count) {
    return remap(command, TARGE_COMPLETION_COPIES, NULL, block_bytes, ranges, count);
}
