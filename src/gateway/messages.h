/* What targed and a handler say to one another on their socket; region.h says when. */
#pragma once

#include <stdint.h>

#define TARGE_MAGIC 0x47524154u /* "TARG" */
#define TARGE_PROTOCOL 1u
#define TARGE_MAX_VPD_PAGES 32u

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
    TARGE_MAY_REMAP = 1 << 14, /* completes with TARGE_COMPLETION_WRITES_SAME and _COPIES */
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

/* In targe_welcome's SCM_RIGHTS: the memory, what can be read from once the handler is woken, then an eventfd
 * for each queue, which wakes targed. */
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

#ifdef __cplusplus
#define TARGE_ASSERT_SIZE(type, size) static_assert(sizeof(struct type) == (size), #type " is a wire format")
#else
#define TARGE_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type " is a wire format")
#endif
TARGE_ASSERT_SIZE(targe_hello, 160);
TARGE_ASSERT_SIZE(targe_welcome, 256);
TARGE_ASSERT_SIZE(targe_rule, 12);
TARGE_ASSERT_SIZE(targe_request, 24);
