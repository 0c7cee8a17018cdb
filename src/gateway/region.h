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

#include <stdint.h>

#define TARGE_MAGIC 0x47524154u /* "TARG" */
#define TARGE_PROTOCOL 1u
#define TARGE_MAX_QUEUES 64u
#define TARGE_MAX_SLOTS 256u
#define TARGE_MAX_CDB 260u
#define TARGE_MAX_VPD_PAGES 32u
/* Each slot has so much of the arena to itself, slot n from n times this on. What follows serves larger
 * transfers. */
#define TARGE_SLOT_BYTES 16384u

/* targe_hello.can */
enum {
    TARGE_CAN_WRITE = 1 << 0,
    TARGE_CAN_FLUSH = 1 << 1,
    TARGE_CAN_UNMAP = 1 << 2,
    TARGE_CAN_WRITE_ZEROES = 1 << 3,
    TARGE_CAN_BLOCK_STATUS = 1 << 4,
    TARGE_WANTS_SESSIONS = 1 << 5,
    TARGE_WANTS_MANAGEMENT = 1 << 6,
    TARGE_CAN_WRITE_SAME = 1 << 7,
    TARGE_CAN_COPY = 1 << 8,
    TARGE_WANTS_RESERVATIONS = 1 << 9,
    TARGE_WANTS_DELIVERY = 1 << 10,
    TARGE_MAY_GO_ON =
        1 << 11, /* completes with TARGE_COMPLETION_GOES_ON; at most TARGE_MAX_SLOTS / 2 slots */
    TARGE_HAS_RULES = 1 << 12, /* targe_rule follow targe_hello in its message */
    TARGE_LENDS = 1 << 13,     /* a descriptor comes with targe_hello, as SCM_RIGHTS */
};

struct targe_hello {
    uint32_t magic;
    uint32_t protocol;
    uint32_t level; /* 0 blocks, 1 commands */
    uint32_t can;
    uint32_t depth;      /* of all queues together */
    uint32_t block_size; /* 0: as configured */
    uint64_t size;       /* bytes; 0: as configured */
    uint8_t peripheral_type;
    uint8_t removable;
    uint8_t vpd_page_count;
    uint8_t reserved;
    char name[60]; /* these are padded with NUL, and need not end in one */
    char vendor[8];
    char product[16];
    char revision[8];
    uint8_t vpd_pages[TARGE_MAX_VPD_PAGES];
};

#define TARGE_MAX_RULES 64u
/* What targed must know of an operation code: targe_command_rule of targe_commands.h. */
struct targe_rule {
    uint8_t opcode;
    uint8_t action;    /* service action; FFh: any */
    uint8_t direction; /* 0 none, 1 out, 2 in */
    uint8_t flags;     /* TARGE_RULE_FLAG_…, of which WRITES comes alone */
    uint8_t length_at, length_bytes;
    uint8_t reserved[2];
    uint32_t unit;
};

enum {
    TARGE_RULE_FLAG_WRITES = 1, /* the medium */
    TARGE_RULE_FLAG_READS = 2,  /* passes write exclusive reservations of others */
    TARGE_RULE_FLAG_PASSES = 4, /* passes every reservation */
    TARGE_RULE_FLAGS = 7,
};

struct targe_welcome {
    uint32_t magic;
    uint32_t protocol;
    int32_t error;   /* 0, or the errno of a refusal: then `text` says why and the rest is zero */
    uint32_t queues; /* 1 to TARGE_MAX_QUEUES */
    uint32_t slots;  /* of each queue: 1 to TARGE_MAX_SLOTS */
    uint32_t block_size;
    uint64_t size;         /* bytes */
    uint64_t arena_bytes;  /* of each queue */
    uint64_t region_bytes; /* all of the memory */
    char text[204];
    uint32_t does; /* of targe_hello.can: what targed knows */
};

/* In targe_welcome's SCM_RIGHTS: the memory, the handler's eventfd, then targed's, one for each queue. */
enum { TARGE_FD_MEMORY, TARGE_FD_HANDLER, TARGE_FD_QUEUES };

enum {
    TARGE_REQUEST_RAISE = 1,
    TARGE_REQUEST_RESIZE = 2,
    TARGE_REQUEST_DEPTH = 3,
    TARGE_REQUEST_LOG_PAGE = 4, /* the parameters follow in the same message, TARGE_MAX_LOG_BYTES at most */
};
#define TARGE_MAX_LOG_BYTES 4096u
#define TARGE_MAX_LOG_PAGES 32u
struct targe_request {
    uint32_t kind;
    uint32_t id;
    uint64_t value;   /* RAISE: ASC and ASCQ. RESIZE: bytes. DEPTH: commands. LOG_PAGE: code */
    uint64_t session; /* RAISE: whom, 0 everybody */
};
struct targe_reply {
    uint32_t id;
    int32_t error; /* 0 or an errno */
};

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

enum { /* targe_slot.claim: one of these, above it the generation */
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

struct targe_slot {
    uint32_t claim;   /* changed by compare and exchange from OFFERED, by either side */
    uint32_t aborted; /* not 0: nobody waits for it any more */
    uint32_t generation;
    uint8_t op;
    uint8_t attribute; /* EXECUTE: the task attribute */
    uint16_t lun;      /* SESSION_ATTACH */
    /* READ … : targe_io.flags. SESSION_ATTACH: 1 read-only. MANAGEMENT: 1 done. DELIVERED: 1 it arrived.
     * RESERVATIONS: 0 none, 100h by RESERVE, 200h and the type: persistent. */
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
    uint64_t reserved;
};

enum { /* EXECUTE without data-in, GOOD: the slot stays in use, data-out too, and is completed once more */
       TARGE_COMPLETION_GOES_ON = 1 << 0,
       /* READ that may: its data are in the handler's memory, from `command_specific` on */
       TARGE_COMPLETION_LENT = 1 << 1,
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

#ifdef __cplusplus
#define TARGE_ASSERT_SIZE(type, size) static_assert(sizeof(struct type) == (size), #type " is a wire format")
#else
#define TARGE_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type " is a wire format")
#endif
TARGE_ASSERT_SIZE(targe_hello, 160);
TARGE_ASSERT_SIZE(targe_welcome, 256);
TARGE_ASSERT_SIZE(targe_rule, 12);
TARGE_ASSERT_SIZE(targe_request, 24);
TARGE_ASSERT_SIZE(targe_slot, 128);
TARGE_ASSERT_SIZE(targe_completion, 64);
/* Whole pages: what belongs to one queue is in no page of another. */
#define TARGE_PAGE 4096u
#define TARGE_QUEUE_STRIDE ((sizeof(struct targe_queue) + TARGE_PAGE - 1) / TARGE_PAGE * TARGE_PAGE)
