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
    uint32_t cdb_length;      /* bytes, 6 to 260; may be more than the command has, and is zero there */
    uint32_t attribute;       /* TARGE_SIMPLE … */
    uint64_t session;         /* which I_T nexus: targe_session.handle */
    uint64_t tag;             /* the initiator's, for traces */
    uint64_t deadline_ns;     /* as in targe_io */
    const void* data_out;     /* what the initiator sent; nobody else changes it */
    uint64_t data_out_length; /* bytes; may be less than the CDB asks for, when the initiator sends less */
    void* data_in;            /* room for what the initiator takes; holds no old data of others */
    uint64_t data_in_room;    /* bytes; fill no more, whatever the CDB says */

    uint8_t status; /* TARGE_GOOD at first */
    uint8_t reserved[7];
    struct targe_sense sense; /* with TARGE_CHECK_CONDITION */
    uint64_t data_in_length;  /* bytes of data_in that are filled, also with CHECK CONDITION */
    /* Bytes that the command would move, in or out, were the initiator to allow it; 0: as many as were moved.
     * It makes the residual: for READ of a tape, the length of the block. */
    uint64_t wanted;
    void* user; /* the handler's own, NULL at first */
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

struct targe_command_ops {
    uint32_t struct_size;
    uint32_t reserved;
    /* Executes a CDB: fills in status and the rest and returns TARGE_DONE, or returns TARGE_LATER and calls
     * targe_command_complete(). Commands come in the order in which they may begin; one with an ORDERED
     * attribute comes alone. */
    int (*execute)(void* context, struct targe_command* command);
    /* A nexus wants to use the unit: 0, or anything negative to refuse: its commands then end with LOGICAL
     * UNIT NOT SUPPORTED. NULL:
     * all may. */
    int (*session_attach)(void* context, const struct targe_session* session);
    /* It is gone, and so are its commands: forget PREVENT and what else belongs to it. May be NULL. */
    void (*session_detach)(void* context, uint64_t session);
    /* May be NULL. Between the two calls complete the commands that are targe_aborted() soon, with any
     * status. After TARGE_LOGICAL_UNIT_RESET is done, mode pages and PREVENT are as after power on. */
    void (*task_management)(void* context, const struct targe_task_management* function);
};

/* Ends a command whose execute() returned TARGE_LATER; from any thread, once. */
TARGE_API void targe_command_complete(struct targe_command* command);
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
