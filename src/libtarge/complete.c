// Telling targed how requests ended.
#include "libtarge/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint32_t as_u32(uint64_t value) {
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void tell(struct request* request, struct targe_completion* with) {
    struct queue* const queue = request->queue;
    with->slot = request->slot;
    with->generation = request->generation;
    pthread_mutex_lock(&queue->lock);
    queue->shared->completions[queue->completed % TARGE_MAX_SLOTS] = *with;
    __atomic_store_n(&queue->shared->completed, ++queue->completed, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&queue->lock);
    if (__atomic_load_n(&queue->shared->engine_asleep, __ATOMIC_SEQ_CST) != 0 &&
        __atomic_exchange_n(&queue->shared->engine_asleep, 0, __ATOMIC_SEQ_CST) != 0) {
        const uint64_t one = 1;
        if (write(queue->event, &one, sizeof one) < 0) {
            // Refused only when so many are there already that it wakes all the same.
        }
    }
}

void targe_finish(struct request* request, struct targe_completion* with) {
    targe_device* const device = request->queue->device;
    tell(request, with);
    // The last thing: from here on targe_run() may return, and targe_detach() take all of this away.
    __atomic_sub_fetch(&device->open, 1, __ATOMIC_SEQ_CST);
}

int targe_go_on(struct targe_command* command) {
    struct request* const request = (struct request*)command;
    if ((request->queue->device->does & TARGE_MAY_GO_ON) == 0 || command->data_in_room > 0 ||
        request->goes_on || request->remap != 0) {
        return -ENOTSUP;
    }
    request->goes_on = true;
    struct targe_completion done = {
        .wanted = as_u32(command->wanted), .flags = TARGE_COMPLETION_GOES_ON, .report = command->report};
    tell(request, &done);
    return 0;
}

/// What is neither 0 nor a negative errno, as an errno that has lost its sign, must not pass for success.
static uint32_t errno_of(int result) {
    enum { kLargest = 4095 };
    return result == 0 ? 0 : result < 0 && result >= -kLargest ? (uint32_t)-result : EIO;
}

void targe_block_complete(struct targe_io* io, int result) {
    struct request* const request = (struct request*)io;
    struct targe_completion done = {.error = (int32_t)errno_of(result)};
    if (request->lent && result == 0) {
        done.flags = TARGE_COMPLETION_LENT;
        done.command_specific = request->lent_at;
    }
    targe_finish(request, &done);
}

void targe_extent_complete(struct targe_io* io, const struct targe_extent* extent) {
    struct request* const request = (struct request*)io;
    struct targe_completion done = {.information = (int64_t)extent->length, .wanted = extent->mapped != 0};
    if (extent->length == 0 || extent->length > io->length ||
        extent->length % request->queue->device->block_size != 0) {
        // targed would have no more of a handler that says so.
        done = (struct targe_completion){.error = EIO};
    }
    targe_finish(request, &done);
}

void targe_command_complete(struct targe_command* command) {
    const struct targe_sense* const sense = &command->sense;
    struct targe_completion done = {
        .status = command->status,
        .in_length = as_u32(command->data_in_length),
        .wanted = as_u32(command->wanted),
        .report = command->report,
    };
    const struct request* const request = (const struct request*)command;
    if (request->goes_on) {
        done.in_length = done.wanted = 0;
        done.report = 0;
    } else if (request->remap != 0 && command->status == TARGE_GOOD) {
        done.flags = request->remap;
        done.remaps = request->remaps;
        done.block_bytes = request->remap_block_bytes;
    }
    if (command->status == TARGE_CHECK_CONDITION) {
        done.key = sense->key;
        done.asc = sense->asc;
        done.ascq = sense->ascq;
        done.sense_flags = sense->flags;
        memcpy(done.specific, sense->specific, sizeof done.specific);
        done.information = sense->information;
        done.command_specific = sense->command_specific;
    }
    targe_finish((struct request*)command, &done);
}

int targe_aborted(const struct targe_command* command) {
    const struct request* const request = (const struct request*)command;
    return __atomic_load_n(&request->queue->shared->slots[request->slot].aborted, __ATOMIC_RELAXED) != 0;
}

enum { kIllegalRequest = 5 };

int targe_fail(struct targe_command* command, uint8_t key, uint8_t asc, uint8_t ascq) {
    command->status = TARGE_CHECK_CONDITION;
    command->sense = (struct targe_sense){.key = key, .asc = asc, .ascq = ascq};
    return TARGE_DONE;
}

int targe_unknown_opcode(struct targe_command* command) {
    return targe_fail(command, kIllegalRequest, 0x20, 0x00);
}

int targe_invalid_field(struct targe_command* command, unsigned byte, int bit) {
    targe_fail(command, kIllegalRequest, 0x24, 0x00);
    command->sense.flags = TARGE_SENSE_SPECIFIC;
    // In the CDB, and which bit where there is one.
    command->sense.specific[0] = (uint8_t)(0x40 | (bit >= 0 ? 0x08 | (bit & 7) : 0));
    command->sense.specific[1] = (uint8_t)(byte >> 8);
    command->sense.specific[2] = (uint8_t)byte;
    return TARGE_DONE;
}

int targe_reply(struct targe_command* command, const void* data, size_t length) {
    const uint64_t part = length < command->data_in_room ? length : command->data_in_room;
    if (part > 0) {
        memcpy(command->data_in, data, part);
    }
    command->data_in_length = part;
    command->wanted = length;
    return TARGE_DONE;
}
