/* The block level of targe.h: targed speaks SCSI, the handler keeps blocks. */
#pragma once

#include "targe_common.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {                              /* targe_io.flags */
       TARGE_IO_DURABLE = 1 << 0,   /* past every volatile cache before it is complete */
       TARGE_IO_MAY_UNMAP = 1 << 1, /* write_zeroes: space may be given back */
       TARGE_IO_REPLAYED =
           1 << 2, /* a former handler may have begun it; it is in no order with what it had completed */
};

/* One request, from the callback until it is completed. The range lies within the device, in whole blocks.
 * Requests that overlap and are under way together may take effect in any order. */
struct targe_io {
    uint64_t offset; /* bytes */
    uint64_t length; /* bytes; of read and write at most 1 MiB */
    /* read: to be filled. write and write_same: to be written; nobody else changes it. Otherwise NULL. It
     * begins at a page of 4096 bytes, so that O_DIRECT takes it. */
    void* data;
    uint32_t flags;
    uint32_t reserved;
    /* CLOCK_MONOTONIC: complete it by then. targed then answers the initiator and takes the handler for hung;
     * one that has ended other requests of late, half of the device's `deadline` later. */
    uint64_t deadline_ns;
    void* user;      /* the handler's own, NULL at first */
    uint64_t source; /* copy: bytes from the start of the device, from where */
};

/* Of a range that begins at targe_io.offset: all of `length` bytes (more than 0, at most targe_io.length, in
 * whole blocks) is mapped, or not. Another length ends the request with -EIO. */
struct targe_extent {
    uint64_t length;
    uint32_t mapped;
};

/* Each returns 0 (done), TARGE_LATER, or a negative errno; anything else is taken for -EIO. What is NULL the
 * device cannot, and targed does not announce it: without `write` it is read-only, without `flush` every
 * completed write must be durable, without `write_zeroes` zeroes are written, without `unmap` and
 * `block_status` it is not thin.
 *
 * What was completed must outlive this program, however it ends: nobody is told when one handler takes the
 * place of another, which is taken to have it, and asked to flush it. Data in the page cache do; data in
 * memory of the program do not, and are to be written out before the request is completed. */
struct targe_block_ops {
    uint32_t struct_size;
    uint32_t reserved;
    int (*read)(void* context, struct targe_io* io);
    int (*write)(void* context, struct targe_io* io);
    int (*flush)(void* context, struct targe_io* io);
    int (*unmap)(void* context, struct targe_io* io); /* afterwards the range reads as zeroes */
    int (*write_zeroes)(void* context, struct targe_io* io);
    /* `extent` is to be filled in, until the request is completed. */
    int (*block_status)(void* context, struct targe_io* io, struct targe_extent* extent);
    /* These two may return -ENOTSUP, each time anew: then targed writes the range block by block, or reads
     * and writes what was to be copied. Nothing of it need be as it was before. */
    int (*write_same)(void* context, struct targe_io* io); /* `data` is one block, for all of the range */
    int (*copy)(void* context, struct targe_io* io);       /* from `source`; the ranges do not overlap */
    /* Reservations have changed, or this handler has come while there are some: see targe_commands.h. */
    void (*reservations_changed)(void* context, const struct targe_reservations* now);
    /* May be NULL. All that was offered so far has been given out: a handler that collects requests, to hand
     * them on together, does it now. */
    void (*batch_ended)(void* context);
};

/* Within read(), or until it is completed with 0: its data are not in targe_io.data but in the memory that
 * targe_attachment.lends, `length` bytes from `at` on. targed sends them from there, some of them after this
 * request is complete: so they stay until then, and nothing but the content of these very blocks may come to
 * lie there as long as the handler is attached. What a later write changes there may be seen or not. 0, or
 * -ENOTSUP: this targed or this request cannot, so `data` is to be filled; -EINVAL: there is no such memory.
 */
TARGE_API int targe_lend(struct targe_io* io, uint64_t at);
/* Makes memory to be lent: `bytes` of zeroes, which are mapped at `*at` until the caller unmaps them. A
 * descriptor, for the caller to close; or a negative errno. */
TARGE_API int targe_make_memory(uint64_t bytes, void** at);

/* Ends a request whose callback returned TARGE_LATER; from any thread, once. `result` is 0 or a negative
 * errno: ENOSPC (no space left), EROFS or EPERM (write protected), ENODEV or ESTALE (the store is away: NOT
 * READY), EAGAIN or ENOMEM (BUSY), anything else: the medium cannot be read or written here (MEDIUM ERROR).
 */
TARGE_API void targe_block_complete(struct targe_io* io, int result);
/* The same for block_status. */
TARGE_API void targe_extent_complete(struct targe_io* io, const struct targe_extent* extent);

#ifdef __cplusplus
}
#endif
