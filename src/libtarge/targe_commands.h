/* The command level of targe.h: the handler gets CDBs of any device type, with their data. */
#pragma once

#include "targe_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sense data as values: targed encodes them in the format that the initiator chose. */
struct targe_sense {
    uint8_t key; /* 0h to Fh */
    uint8_t asc, ascq;
    uint8_t flags;       /* TARGE_SENSE_… */
    uint8_t specific[3]; /* sense-key specific bytes, with TARGE_SENSE_SPECIFIC; SKSV is set for you */
    uint8_t reserved;
    int64_t information;       /* with TARGE_SENSE_INFORMATION; a residue may be negative */
    uint64_t command_specific; /* with TARGE_SENSE_COMMAND_SPECIFIC */
};
enum {
    TARGE_SENSE_INFORMATION = 1 << 0,
    TARGE_SENSE_COMMAND_SPECIFIC = 1 << 1,
    TARGE_SENSE_SPECIFIC = 1 << 2,
    TARGE_SENSE_FILEMARK = 1 << 3,
    TARGE_SENSE_EOM = 1 << 4,
    TARGE_SENSE_ILI = 1 << 5,
    TARGE_SENSE_DEFERRED = 1 << 6,
};

enum { /* task attributes, as in SAM */
       TARGE_SIMPLE = 0,
       TARGE_ORDERED = 1,
       TARGE_HEAD_OF_QUEUE = 2,
       TARGE_ACA = 3
};

enum {
    TARGE_GOOD = 0x00,
    TARGE_CHECK_CONDITION = 0x02,
    TARGE_CONDITION_MET = 0x04,
    TARGE_BUSY = 0x08,
    TARGE_RESERVATION_CONFLICT = 0x18,
    TARGE_TASK_SET_FULL = 0x28
};

/* One command, from execute() until it is completed. The first part is for reading, the second for filling
 * in.
 *
 * targed answers by itself, and the handler never sees: REPORT LUNS, REQUEST SENSE, standard INQUIRY and the
 * VPD pages 00h, 80h, 83h and 88h, RESERVE and RELEASE (6, 10), PERSISTENT RESERVE IN and OUT. All else comes
 * here, TEST UNIT READY, MODE SENSE and LOG SENSE included; what the handler does not know it ends with
 * ILLEGAL REQUEST, 20/00 (targe_unknown_opcode()). Reservations, unit attentions and write protection of the
 * LUN were looked at before.
 *
 * A handler begins as after power on. When it takes the place of one that was attached before, targed has
 * told every nexus DEVICE INTERNAL RESET (29/04) before it gets a command, and commands that waited end with
 * that. */
struct targe_command {
    const uint8_t* cdb;
    uint32_t cdb_length;  /* bytes, 6 to 260; may be more than the command has, and is zero there */
    uint32_t attribute;   /* TARGE_SIMPLE … */
    uint64_t session;     /* which I_T nexus: targe_session.handle */
    uint64_t tag;         /* the initiator's, for traces */
    uint64_t deadline_ns; /* as in targe_io */
    const void* data_out; /* what the initiator sent; nobody else changes it */
    /* Bytes; may be less than the CDB asks for, when the initiator sends less: write what is there, with
     * `wanted` as the CDB has it, or fail. Data of either direction are 8 MiB at most, or half of a core's
     * share of buffer_memory; initiators that want to move more get INVALID FIELD IN CDB. */
    uint64_t data_out_length;
    void* data_in;         /* room for what the initiator takes; holds no old data of others */
    uint64_t data_in_room; /* bytes; fill no more, whatever the CDB says */

    uint8_t status; /* TARGE_GOOD at first */
    uint8_t reserved[7];
    struct targe_sense sense; /* with TARGE_CHECK_CONDITION */
    uint64_t data_in_length;  /* bytes of data_in that are filled, also with CHECK CONDITION */
    /* Bytes that the command would move, in or out, were the initiator to allow it; 0: as many as were moved.
     * It makes the residual: for READ of a tape, the length of the block. */
    uint64_t wanted;
    void* user; /* the handler's own, NULL at first */
    /* Not 0: targe_command_ops.delivered is called with this once it is known whether the answer, with its
     * data-in, has reached the initiator. */
    uint64_t report;
    /* For reading. 1: targed made it, as a part of what another command was answered with, whose `session`
     * and `tag` it has; see struct targe_range. It is executed as ever. */
    uint32_t generated;
    uint32_t reserved2;
};

/* An I_T nexus to which the unit is visible. The strings are valid during the callback. */
struct targe_session {
    uint64_t handle; /* never 0; not used again while the handler is attached */
    uint16_t lun;
    uint8_t read_only; /* the LUN is, for this session; targed refuses writes of disks itself */
    uint8_t reserved[5];
    const char* initiator; /* its port's name */
    const char* target;
};

enum {
    TARGE_ABORT_TASK = 1,
    TARGE_ABORT_TASK_SET = 2,
    TARGE_CLEAR_TASK_SET = 3,
    TARGE_LOGICAL_UNIT_RESET = 4,
    TARGE_NEXUS_LOST = 5
};

struct targe_task_management {
    uint32_t function; /* TARGE_ABORT_TASK … */
    uint32_t done; /* 0: it has come, and the commands of it are targe_aborted(); 1: all of them have ended */
    uint64_t session; /* who asked for it; 0: targed itself */
};

/* What targed must know of a command to let it through, where it has no rule of its own, or a wrong one. By
 * itself it takes a command that it does not know for one that conflicts with every reservation of others and
 * does not write, and moves as much as the initiator expects. Rules are looked at in their order. What targed
 * answers by itself has none. */
struct targe_command_rule {
    uint8_t opcode;
    uint8_t action;    /* service action, in byte 1 of the CDB; FFh: whatever it is */
    uint8_t direction; /* TARGE_NO_DATA … */
    uint8_t flags;     /* TARGE_RULE_… */
    /* How long the data are: a big-endian field of the CDB of 1 to 4 bytes, times `unit`; with length_bytes 0
     * `unit` bytes. No more is asked of the initiator, and residuals are counted from there. */
    uint8_t length_at, length_bytes;
    uint8_t reserved[2];
    uint32_t unit;
};
enum { TARGE_NO_DATA = 0, TARGE_DATA_OUT = 1, TARGE_DATA_IN = 2 };
enum {
    TARGE_RULE_WRITES = 1 << 0, /* the medium: refused where the LUN is read-only; without the others */
    TARGE_RULE_READS = 1 << 1,  /* passes write exclusive reservations of others */
    TARGE_RULE_PASSES = 1 << 2, /* passes every reservation of others */
};

struct targe_command_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Executes a CDB: fills in status and the rest and returns TARGE_DONE, or returns TARGE_LATER and calls
     * targe_command_complete(). Anything else, as a negative errno, ends a command whose status is still
     * TARGE_GOOD with HARDWARE ERROR, 44/00. Commands come in the order in which they may begin; one with an
     * ORDERED attribute comes alone. */
    int (*execute)(void* context, struct targe_command* command);
    /* A nexus wants to use the unit, once for each LUN by which it sees it: 0, or anything else to
     * refuse: then it sees none, neither in REPORT LUNS nor by INQUIRY. NULL: all may. Its login waits for
     * the answer, but not for longer than a second, nor once the handler is gone: from then on until there is
     * one it sees the unit. */
    int (*session_attach)(void* context, const struct targe_session* session);
    /* It is gone, likewise, and so are its commands: forget PREVENT and what else belongs to it. May be NULL.
     */
    void (*session_detach)(void* context, uint64_t session);
    /* May be NULL. Between the two calls complete the commands that are targe_aborted() soon, with any
     * status. After TARGE_LOGICAL_UNIT_RESET is done, mode pages and PREVENT are as after power on; so they
     * are when targed has gone. */
    void (*task_management)(void* context, const struct targe_task_management* function);
    /* May be NULL. Reservations have changed, or this handler has come while there are some. targed enforces
     * them by itself; this is for handlers that show them, or hand them on. */
    void (*reservations_changed)(void* context, const struct targe_reservations* now);
    /* May be NULL. `arrived` 1: the answer of a command with `report` has reached the initiator; 0: it has
     * not and will not, because the session is gone or the command was aborted. A value that this handler
     * does not know is of one before it. */
    void (*delivered)(void* context, uint64_t session, uint64_t report, int arrived);
    /* May be NULL. As in targe_block_ops. */
    void (*batch_ended)(void* context);
    /* 1: commands are answered before they are done, by targe_go_on(); at most 128 for each core of targed
     * are open at once then. `depth` does not count those that go on. */
    uint32_t goes_on;
    uint32_t remaps; /* 1: targe_remap_write_same() or targe_remap_copy() is called */
};

/* Ends a command whose execute() returned TARGE_LATER; from any thread, once. */
TARGE_API void targe_command_complete(struct targe_command* command);
/* Answers the command with GOOD now, while it goes on: with IMMED, or because the handler can keep its
 * promise. 0, or -ENOTSUP: targed does not know of this, goes_on is not set, or the command has data-in.
 * After 0 return TARGE_LATER from execute(), and call targe_command_complete() when it is done, as ever: an
 * error then goes to the next command of the nexus, as a deferred error. Data-out stay in place until then.
 * Nothing aborts what goes on, and no deadline ends it; a reset is told by task_management(). If the handler
 * is gone before, the nexus is told of a deferred error, 0B/44/00. */
TARGE_API int targe_go_on(struct targe_command* command);

/* Some blocks of a disk, by their addresses in READ(16) and WRITE(16).
 *
 * A handler of a disk need not carry out WRITE SAME, EXTENDED COPY within the unit, or a command of its own
 * of that kind: it answers what is to be done. targed then gives it READ(16) and WRITE(16), each of at most
 * 128 KiB and 8 at once, with nothing but LBA and length in the CDB and targe_command.generated set; ranges
 * one after the other. When those have ended the command ends: with GOOD, or as the first of them that did
 * not end with GOOD, after which no more are made. What waits for the command waits for them. They are in no
 * order with other commands that are under way. Between them the state of the unit may change: a reservation
 * or a write protection that keeps the command out ends it, as if it had come then.
 *
 * An abort of the command concerns them, too: they are targe_aborted(), no more are made, and the function
 * waits for them. If this handler is gone before the end, the next one gets none of them, and the command
 * ends with ABORTED COMMAND, 44/00. */
struct targe_range {
    uint64_t lba;    /* the first that is written */
    uint64_t blocks; /* more than 0; with `lba`, and with `source`, within 64 bits */
    uint64_t source; /* copies: the first that is read; the two may not overlap. Else 0 */
};
enum { TARGE_MAX_RANGES = 128, TARGE_MAX_REMAP_BLOCK = 4096 };

/* Within execute(), or until it is completed: the command ends as said above, once `block`, `block_bytes`
 * long (512 to 4096), has been written to every block of `ranges`. It is copied, and `data_out` as good as
 * another. Returns TARGE_DONE, to be returned by execute().
 *
 * -EINVAL: not 1 to TARGE_MAX_RANGES, or one that cannot be, or no such block. -ENOTSUP: targed does not know
 * of this, or `remaps` is not set; it has data-in, or more than 8 KiB of data-out; it was answered, or is
 * `generated` itself; or targed did not let it in as one that writes, so that write protection and
 * reservations were not looked at: a command of the handler's own needs a rule with TARGE_RULE_WRITES. After
 * either the command ends with HARDWARE ERROR, 44/00, unless `status` is set anew. */
TARGE_API int targe_remap_write_same(struct targe_command* command, const void* block, uint32_t block_bytes,
                                     const struct targe_range* ranges, uint32_t count);
/* The same, when each of `ranges` has been copied from its `source`. A later range finds what the earlier
 * ones have written. */
TARGE_API int targe_remap_copy(struct targe_command* command, uint32_t block_bytes,
                               const struct targe_range* ranges, uint32_t count);

/* Whether nobody waits for the command any more: end it soon. It costs a look at memory; from any thread. */
TARGE_API int targe_aborted(const struct targe_command* command);
/* Fills in CHECK CONDITION with these; returns TARGE_DONE, to be returned by execute(). */
TARGE_API int targe_fail(struct targe_command* command, uint8_t key, uint8_t asc, uint8_t ascq);
TARGE_API int targe_unknown_opcode(struct targe_command* command);
/* ILLEGAL REQUEST, 24/00, with a field pointer to `byte` of the CDB, and `bit` of it unless it is negative.
 */
TARGE_API int targe_invalid_field(struct targe_command* command, unsigned byte, int bit);
/* Copies data-in, as much as there is room for, and sets data_in_length and wanted. At the allocation length
 * of the CDB cut `length` yourself. Returns TARGE_DONE. */
TARGE_API int targe_reply(struct targe_command* command, const void* data, size_t length);

#ifdef __cplusplus
}
#endif
