// From a slot to a call of the handler.
#include "libtarge/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void finish_with_error(struct request* request, int error) {
    struct targe_completion done = {.error = error};
    targe_finish(request, &done);
}

static int (*block_callback(const struct targe_block_ops* ops, uint8_t op))(void*, struct targe_io*) {
    switch (op) {
        case TARGE_OP_READ:
            return ops->read;
        case TARGE_OP_WRITE:
            return ops->write;
        case TARGE_OP_FLUSH:
            return ops->flush;
        case TARGE_OP_UNMAP:
            return ops->unmap;
        case TARGE_OP_WRITE_ZEROES:
            return ops->write_zeroes;
        case TARGE_OP_WRITE_SAME:
            return ops->write_same;
        case TARGE_OP_COPY:
            return ops->copy;
        default:
            return NULL;
    }
}

static void dispatch_blocks(targe_device* device, const struct targe_slot* slot, struct request* request) {
    struct targe_io* const io = &request->io;
    uint8_t* const arena = request->queue->arena;
    memset(io, 0, sizeof *io);
    request->may_lend = slot->op == TARGE_OP_READ && (slot->flags & TARGE_SLOT_MAY_LEND) != 0;
    request->lent = false;
    io->offset = slot->offset;
    io->length = slot->length;
    io->flags = slot->flags & ~(uint32_t)TARGE_SLOT_MAY_LEND;
    io->deadline_ns = slot->deadline_ns;
    if (slot->op == TARGE_OP_READ) {
        io->data = arena + slot->in_offset;
    } else if (slot->op == TARGE_OP_WRITE || slot->op == TARGE_OP_WRITE_SAME) {
        io->data = arena + slot->out_offset;
    } else if (slot->op == TARGE_OP_COPY) {
        io->source = slot->tag;
    }
    // It may have become smaller while the request was on its way.
    const uint64_t size = __atomic_load_n(&device->size, __ATOMIC_RELAXED);
    if (io->offset > size || io->length > size - io->offset || io->source > size - io->length) {
        finish_with_error(request, EIO);
        return;
    }
    if (slot->op == TARGE_OP_BLOCK_STATUS) {
        request->extent = (struct targe_extent){.length = 0, .mapped = 1};
        const int result = device->blocks.block_status == NULL
                               ? -ENOTSUP
                               : device->blocks.block_status(device->how.context, io, &request->extent);
        if (result == 0) {
            targe_extent_complete(io, &request->extent);
        } else if (result != TARGE_LATER) {
            targe_block_complete(io, result);
        }
        return;
    }
    int (*const callback)(void*, struct targe_io*) = block_callback(&device->blocks, slot->op);
    const int result = callback == NULL ? -ENOTSUP : callback(device->how.context, io);
    if (result != TARGE_LATER) {
        targe_block_complete(io, result);
    }
}

static bool is_known(const targe_device* device, uint64_t handle) {
    const struct session* at = device->sessions;
    while (at != NULL && at->handle != handle) {
        at = at->next;
    }
    return at != NULL;
}

static void dispatch_execute(targe_device* device, const struct targe_slot* slot, struct request* request) {
    if (device->commands.session_attach != NULL && !is_known(device, slot->session)) {
        finish_with_error(request, EACCES);
        return;
    }
    struct targe_command* const command = &request->command;
    uint8_t* const arena = request->queue->arena;
    memset(command, 0, sizeof *command);
    command->cdb = slot->cdb_length > sizeof slot->cdb ? arena + slot->long_cdb_offset : slot->cdb;
    command->cdb_length = slot->cdb_length;
    command->attribute = slot->attribute;
    command->session = slot->session;
    command->tag = slot->tag;
    command->deadline_ns = slot->deadline_ns;
    command->data_out = slot->out_length > 0 ? arena + slot->out_offset : NULL;
    command->data_out_length = slot->out_length;
    command->data_in = slot->in_length > 0 ? arena + slot->in_offset : NULL;
    command->data_in_room = slot->in_length;
    command->generated = (slot->flags & TARGE_SLOT_GENERATED) != 0;
    request->remap = 0;
    request->remap_room = (slot->flags & TARGE_SLOT_MAY_REMAP) != 0 ? arena + slot->in_offset : NULL;
    const int result = device->commands.execute(device->how.context, command);
    if (result == TARGE_LATER) {
        return;
    }
    if (result != TARGE_DONE && command->status == TARGE_GOOD) {
        enum { kHardwareError = 4, kInternalTargetFailure = 0x44 };
        command->data_in_length = command->wanted = 0;
        targe_fail(command, kHardwareError, kInternalTargetFailure, 0);
    }
    targe_command_complete(command);
}

static int let_in(targe_device* device, const struct targe_slot* slot, const char* names) {
    // One that has come to another core of targed is told of again.
    for (const struct session* at = device->sessions; at != NULL; at = at->next) {
        if (at->handle == slot->session && at->lun == slot->lun) {
            return 0;
        }
    }
    const struct targe_session session = {
        .handle = slot->session,
        .lun = slot->lun,
        .read_only = (slot->flags & 1) != 0,
        .initiator = names,
        .target = names + strlen(names) + 1,
    };
    struct session* const known = malloc(sizeof *known);
    if (known == NULL) {
        return ENOMEM;
    }
    if (device->commands.session_attach != NULL &&
        device->commands.session_attach(device->how.context, &session) != 0) {
        free(known);
        return EACCES;
    }
    *known = (struct session){.handle = slot->session, .lun = slot->lun, .next = device->sessions};
    device->sessions = known;
    return 0;
}

static void let_go(targe_device* device, uint64_t handle) {
    for (struct session** at = &device->sessions; *at != NULL; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            struct session* const gone = *at;
            *at = gone->next;
            free(gone);
            if (device->commands.session_detach != NULL) {
                device->commands.session_detach(device->how.context, handle);
            }
            return;
        }
    }
}

void targe_forget_sessions(targe_device* device) {
    while (device->sessions != NULL) {
        let_go(device, device->sessions->handle);
    }
}

void targe_reset_unit(const targe_device* device) {
    if (device->how.level == TARGE_COMMANDS && device->commands.task_management != NULL) {
        const struct targe_task_management reset = {.function = TARGE_LOGICAL_UNIT_RESET, .done = 1};
        device->commands.task_management(device->how.context, &reset);
    }
}

static void dispatch_management(targe_device* device, const struct targe_slot* slot) {
    if (device->commands.task_management != NULL) {
        const struct targe_task_management function = {
            .function = (uint32_t)slot->offset,
            .done = slot->flags & 1,
            .session = slot->session,
        };
        device->commands.task_management(device->how.context, &function);
    }
}

static void tell_of_reservations(const targe_device* device, const struct targe_slot* slot,
                                 const char* holder) {
    void (*const callback)(void*, const struct targe_reservations*) =
        device->how.level == TARGE_BLOCKS ? device->blocks.reservations_changed
                                          : device->commands.reservations_changed;
    if (callback != NULL) {
        const struct targe_reservations now = {
            .kind = slot->flags >> 8,
            .type = slot->flags & 0xff,
            .session = slot->session,
            .holder = holder,
            .generation = (uint32_t)slot->length,
            .registrants = (uint32_t)slot->offset,
        };
        callback(device->how.context, &now);
    }
}

void targe_dispatch(struct queue* queue, struct targe_slot* slot, struct request* request) {
    targe_device* const device = queue->device;
    const bool blocks = device->how.level == TARGE_BLOCKS;
    const bool of_blocks = (slot->op >= TARGE_OP_READ && slot->op <= TARGE_OP_BLOCK_STATUS) ||
                           slot->op == TARGE_OP_WRITE_SAME || slot->op == TARGE_OP_COPY;
    if (of_blocks && blocks) {
        dispatch_blocks(device, slot, request);
        return;
    }
    if (slot->op == TARGE_OP_RESERVATIONS) {
        tell_of_reservations(device, slot, (const char*)queue->arena + slot->out_offset);
        finish_with_error(request, 0);
        return;
    }
    int error = 0;
    switch (blocks ? 0 : slot->op) {
        case TARGE_OP_EXECUTE:
            dispatch_execute(device, slot, request);
            return;
        case TARGE_OP_SESSION_ATTACH:
            error = let_in(device, slot, (const char*)queue->arena + slot->out_offset);
            break;
        case TARGE_OP_SESSION_DETACH:
            let_go(device, slot->session);
            break;
        case TARGE_OP_MANAGEMENT:
            dispatch_management(device, slot);
            break;
        case TARGE_OP_DELIVERED:
            if (device->commands.delivered != NULL) {
                device->commands.delivered(device->how.context, slot->session, slot->offset,
                                           (slot->flags & 1) != 0);
            }
            break;
        default:
            error = ENOTSUP;
    }
    finish_with_error(request, error);
}
