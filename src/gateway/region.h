/* What targed and a handler in another program share: messages on their socket, and memory.
 *
 * Plain C, included by both sides; not installed, and not for handlers: they use libtarge/targe.h.
 *
 * The socket. SOCK_SEQPACKET. The handler sends targe_hello; targed answers targe_welcome, with the
 * descriptors of targe_descriptors in one SCM_RIGHTS, or with a refusal. Afterwards the handler sends
 * targe_request and gets a targe_reply to each. With TARGE_LENDS a memfd of the handler's that cannot shrink
 * comes with targe_hello: a READ may be answered from there. The end of the socket is the end of the
 * attachment: a handler closes it only when it will do nothing more for what it has taken. targed shuts its
 * own direction down to say that it listens no more.
 *
 * The memory. A memfd that can neither grow nor shrink, with, in this order, `queues` times a targe_queue,
 * and `queues` times an arena. A core of targed uses one queue and its arena, and no other core does. All
 * offsets and lengths follow from targe_welcome; nothing in the memory tells targed where something is.
 *
 * A command. targed fills in a slot that is free, stores its number in `offered_slots` and moves `offered`.
 * The handler takes slots in that order, claims each (targe_slot.claim), and in the end writes a
 * targe_completion and moves `completed`. Each slot that was offered is completed once, revoked ones too.
 * targed copies a completion once, looks at all of it, and ends the attachment over what cannot be.
 *
 * Sleep. Who finds nothing to do sets its `asleep` to 1, looks again, and waits for its eventfd. The other
 * side moves its counter, then takes the 1 away and writes to the eventfd if it was there. Both use
 * sequentially consistent operations for the counters and these words.
 *
 * Versions. TARGE_PROTOCOL counts layouts. What came later and fits into the same layout is agreed on by
 * targe_hello.can and targe_welcome.does: neither side uses what the other has not said. Bytes that are not
 * named are zero.
 *
 * Words that both sides use are read and written with the compiler's atomics; they are little-endian, as the
 * machine is. */
#pragma once

#include "gateway/messages.h"

#include <stdint.h>

#define TARGE_MAX_QUEUES 64u
#define TARGE_MAX_SLOTS 256u
#define TARGE_MAX_CDB 260u
/* Each slot has so much of the arena to itself, slot n from n times this on. What follows serves larger
 * transfers. */
#define TARGE_SLOT_BYTES 16384u
/* The list of a remap, for which there is so much room: targe_remap, TARGE_MAX_REMAPS at most, and in that
 * place, behind room for all of them, the block that is to be written. */
#define TARGE_MAX_REMAPS 128u
#define TARGE_REMAP_BLOCK_AT 3072u
#define TARGE_REMAP_BYTES 7168u

enum { /* targe_slot.op */
       TARGE_OP_READ = 1,
       TARGE_OP_WRITE,
       TARGE_OP_FLUSH,
       TARGE_OP_UNMAP,
       TARGE_OP_WRITE_ZEROES,
       TARGE_OP_BLOCK_STATUS,
       TARGE_OP_EXECUTE,
       TARGE_OP_SESSION_ATTACH, /* data-out: the initiator's name, NUL, the target's, NUL */
       TARGE_OP_SESSION_DETACH,
       TARGE_OP_MANAGEMENT,
       TARGE_OP_WRITE_SAME,   /* data-out: one block */
       TARGE_OP_COPY,         /* from `tag`, bytes from the start of the device, to `offset` */
       TARGE_OP_RESERVATIONS, /* data-out: the holder's name, NUL */
       TARGE_OP_DELIVERED,
};

enum { /* targe_slot.claim: one of these, above it as much of the generation as there is room for */
       TARGE_CLAIM_OFFERED = 0,
       TARGE_CLAIM_TAKEN = 1,
       TARGE_CLAIM_REVOKED = 2, /* complete it with ECANCELED, and do nothing */
       TARGE_CLAIM_BITS = 2,
};

enum { /* targe_slot.flags of READ to BLOCK_STATUS: those of targe_io */
       TARGE_SLOT_DURABLE = 1 << 0,
       TARGE_SLOT_MAY_UNMAP = 1 << 1,
       TARGE_SLOT_REPLAYED = 1 << 2,
       TARGE_SLOT_MAY_LEND = 1 << 3, /* READ */
};
enum {                                /* targe_slot.flags of EXECUTE */
       TARGE_SLOT_MAY_REMAP = 1 << 0, /* there is no data-in; at in_offset there is room for a list */
       TARGE_SLOT_GENERATED = 1 << 1, /* part of what a remap asked for */
};

struct targe_slot {
    uint32_t claim;   /* changed by compare and exchange from OFFERED, by either side */
    uint32_t aborted; /* not 0: nobody waits for it any more */
    uint32_t generation;
    uint8_t op;
    uint8_t attribute; /* EXECUTE: the task attribute */
    uint16_t lun;      /* SESSION_ATTACH */
    /* READ … : targe_io.flags. EXECUTE: TARGE_SLOT_…. SESSION_ATTACH: 1 read-only. MANAGEMENT: 1 done.
     * DELIVERED: 1 it arrived. RESERVATIONS: 0 none, 100h by RESERVE, 200h and the type: persistent. */
    uint32_t flags;
    uint32_t cdb_length;
    uint64_t session;
    uint64_t tag;
    uint64_t deadline_ns;
    /* READ … : bytes from the start of the device. MANAGEMENT: the function. RESERVATIONS: registrants.
     * DELIVERED: targe_completion.report. */
    uint64_t offset;
    uint64_t length; /* READ … : bytes. RESERVATIONS: PRGENERATION */
    /* Data in the arena of the queue, as offsets from its start. */
    uint32_t out_offset, out_length;
    uint32_t in_offset, in_length;
    uint8_t cdb[32]; /* a longer one lies in the arena, in front of data-out */
    uint32_t long_cdb_offset;
    uint32_t reserved[3];
};

struct targe_completion {
    uint32_t slot;
    uint32_t generation;
    int32_t error;  /* 0 or an errno; of EXECUTE only 0 and ECANCELED. SESSION_ATTACH: refused */
    uint8_t status; /* EXECUTE: the SCSI status */
    uint8_t key, asc, ascq;
    uint32_t in_length;  /* EXECUTE: bytes of data-in that are filled */
    uint32_t wanted;     /* EXECUTE: as targe_command.wanted. BLOCK_STATUS: 1 mapped */
    int64_t information; /* BLOCK_STATUS: bytes of the extent */
    uint64_t command_specific;
    uint8_t sense_flags;
    uint8_t specific[3];
    uint32_t flags;  /* TARGE_COMPLETION_… */
    uint64_t report; /* EXECUTE: not 0: DELIVERED tells what became of the answer */
    uint32_t remaps; /* that the list has, with _WRITES_SAME and _COPIES */
    uint32_t block_bytes;
};

enum { /* EXECUTE without data-in, GOOD: the slot stays in use, data-out too, and is completed once more */
       TARGE_COMPLETION_GOES_ON = 1 << 0,
       /* READ that may: its data are in the handler's memory, from `command_specific` on */
       TARGE_COMPLETION_LENT = 1 << 1,
       /* EXECUTE that may remap, GOOD: targed is to write the block to all of the list, or to copy, by
        * WRITE(16) and READ(16) that it gives to this handler, and answers then */
       TARGE_COMPLETION_WRITES_SAME = 1 << 2,
       TARGE_COMPLETION_COPIES = 1 << 3,
};

/* In blocks. */
struct targe_remap {
    uint64_t lba;
    uint64_t blocks;
    uint64_t source; /* COPIES: where it is read from; else 0 */
};

/* Each line is written by one side. */
struct targe_queue {
    uint32_t offered;    /* slots offered since the beginning; targed's */
    uint32_t engine_cpu; /* the one that targed offers from, plus 1; 0: it does not say */
    uint32_t pad0[14];
    uint32_t taken;       /* the handler's, for whoever looks */
    uint32_t handler_cpu; /* of the first queue, likewise: who shares a CPU yields it instead of spinning */
    uint32_t pad1[14];
    uint32_t completed; /* completions written since the beginning; the handler's */
    uint32_t pad2[15];
    uint32_t engine_asleep;
    uint32_t pad3[15];
    uint32_t handler_asleep; /* of the first queue: the handler sleeps for all of them */
    uint32_t pad4[15];
    uint8_t offered_slots[TARGE_MAX_SLOTS]; /* at `offered` modulo TARGE_MAX_SLOTS */
    struct targe_slot slots[TARGE_MAX_SLOTS];
    struct targe_completion completions[TARGE_MAX_SLOTS]; /* at `completed` modulo TARGE_MAX_SLOTS */
};

TARGE_ASSERT_SIZE(targe_remap, 24);
TARGE_ASSERT_SIZE(targe_slot, 128);
TARGE_ASSERT_SIZE(targe_completion, 64);
/* Whole pages: what belongs to one queue is in no page of another. */
#define TARGE_PAGE 4096u
#define TARGE_QUEUE_STRIDE ((sizeof(struct targe_queue) + TARGE_PAGE - 1) / TARGE_PAGE * TARGE_PAGE)
