/* A SCSI logical unit that your program emulates and targed serves.
 *
 * A device of targed with `handler = "user"` listens on a Unix socket. A program that attaches to it gets the
 * work of that unit through memory that both share; there is no system call for a command while both are
 * busy. targed is the master: it keeps LUN masking, reservations, unit attentions, task management, ordering
 * and the format of sense data, checks all that this side writes, and goes on, whatever happens here.
 *
 * Two levels, chosen when attaching:
 *   TARGE_BLOCKS    targed speaks SCSI; the handler reads, writes, flushes, unmaps (struct targe_block_ops).
 *   TARGE_COMMANDS  the handler gets CDBs of any device type, with their data (struct targe_command_ops).
 *
 * Threads. Each targe_device is served by one call of targe_run(), which calls the handler back on its own
 * thread, one call at a time. A callback that would block returns TARGE_LATER, and any thread completes the
 * request later. A program may have many devices, each with a thread in targe_run().
 *
 * Processes. Attached is the process that called targe_attach(). A child that is forked and does not exec
 * must not use the device; and as long as it lives it holds the socket, so that targed lets no other handler
 * in: fork before attaching, or exec soon. exec closes everything.
 *
 * Errors. Functions return 0, or a negative errno. No function prints, exits or raises signals, and none ends
 * early because a signal came.
 *
 * Coming back. targed holds commands while no handler is attached, for as long as its configuration says. At
 * block level whoever attaches next gets them, and once more those that the one before had begun. At command
 * level the state of the handler went with it: initiators are told 29/04 (DEVICE INTERNAL RESET OCCURRED)
 * before the next one gets a command of theirs, and what was held or begun ends.
 *
 * With targe_attachment.reattach targe_run() outlives targed: when targed is gone, it waits until what the
 * handler has in hand is complete, calls session_detach for every session that there was and, at command
 * level, task_management as of a TARGE_LOGICAL_UNIT_RESET that is done, and tries to attach until it is let
 * in, whatever it is refused for meanwhile. Log pages and what targe_set_depth() said are told again;
 * targe_size() and targe_block_size() may be others then, if the configuration is.
 *
 * Compatibility. targe_attachment and both structs of operations begin with `struct_size` = sizeof of it: a
 * library that is newer than the program takes what follows for zero, one that is older refuses what it does
 * not know. The other structs stay as they are. Unused fields are zero. A targed of another age is told what
 * this library knows, and says what it does: what either does not know is not used.
 */
#pragma once

#include "targe_blocks.h"
#include "targe_commands.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TARGE_BLOCKS = 0, TARGE_COMMANDS = 1 }; /* targe_attachment.level */

/* ---- Attaching ---- */

typedef struct targe_device targe_device;

struct targe_attachment {
    uint32_t struct_size;
    uint32_t level; /* TARGE_BLOCKS or TARGE_COMMANDS */
    /* Path of the device's socket: its `socket` in the configuration, or NAME.handler.sock in the folder of
     * targed's own, as /run/targe/NAME.handler.sock. */
    const char* socket;
    const char* name; /* of the handler and its version, for logs: "httpdisk 1.2"; 60 bytes of it */
    void* context;    /* given to every callback */
    /* Commands at once that make sense; 0: 64. targed keeps the others back. It divides them among its cores,
     * of which each has 1 to 256. */
    uint32_t depth;
    uint32_t block_size; /* block level: 512 to 4096, as configured; 0: whatever is configured */
    uint64_t size;       /* block level: bytes; 0: what the configuration says */
    const struct targe_block_ops* block_ops;
    const struct targe_command_ops* command_ops;
    /* Command level: standard INQUIRY data. Strings are padded, and longer ones refused by targe_attach();
     * NULL or "": what the configuration says. */
    uint8_t peripheral_type; /* 00h disk, 01h tape, 05h CD/DVD, 08h changer … */
    uint8_t removable;       /* RMB */
    uint8_t reserved[6];
    const char* vendor;   /* 8 characters at most */
    const char* product;  /* 16 */
    const char* revision; /* 4 */
    /* Command level: the VPD pages that execute() answers besides 00h, 80h, 83h and 88h, ascending, 32 at
     * most. They come to it as INQUIRY with EVPD, and it replies the whole page, header included. */
    const uint8_t* vpd_pages;
    uint32_t vpd_page_count;
    uint32_t reattach; /* 1: targe_run() attaches anew when targed is restarted, until targe_stop() */
    /* Command level: commands that targed does not know, or knows otherwise; see targe_command_rule. */
    const struct targe_command_rule* rules;
    uint32_t rule_count; /* at most 64 */
    /* Block level, 1: reads may be answered from `memory`, a descriptor of targe_make_memory() or another
     * memfd that cannot shrink, which stays open as long as the device; see targe_lend(). No larger than the
     * device, or 16 MiB. */
    uint32_t lends;
    int32_t memory;
    uint32_t reserved2;
};

/* Attaches, waiting for at most `timeout_ms` for targed to be there and to let go of another handler, and
 * then for its answer, 10 s at most. NULL when that fails: `error` (may be NULL) then says why in a sentence,
 * e.g. what the policy of the device or its configuration has against it. Structs and strings that `how`
 * names are copied. */
TARGE_API targe_device* targe_attach(const struct targe_attachment* how, int timeout_ms, char* error,
                                     size_t error_size);
/* What was agreed on. A callback that targed, being older, does not know is never called. */
TARGE_API uint64_t targe_size(const targe_device* device);
TARGE_API uint32_t targe_block_size(const targe_device* device);
/* Serves on this thread until targe_stop(): 0; or, without `reattach`, until targed is gone or will have no
 * more of this handler: -ENOTCONN. Requests of TARGE_LATER may be open then; nobody hears how they end. */
TARGE_API int targe_run(targe_device* device);
/* Lets targe_run() return when what it has in hand is complete, for good. From any thread, or a signal
 * handler, until targe_detach(). */
TARGE_API void targe_stop(targe_device* device);
/* Lets go of the unit and frees `device`. No targe_run() may be under way. Waits until every request of
 * TARGE_LATER is complete, and calls session_detach for the sessions that are left. */
TARGE_API void targe_detach(targe_device* device);

/* ---- What a handler may say by itself, from any thread ----
 * Each waits for targed for at most 5 s, besides others that are under way. -ENOTCONN: targed is gone, or not
 * there again yet; -ETIMEDOUT: it does not answer, and may still do as it was told. */

/* Establishes a unit attention for every nexus, or for one (`session` not 0). When it returns 0 it is in
 * force: a command completed afterwards cannot be overtaken by it. -EINVAL for what is no matter of a
 * handler. There are 28/00 and 28/01 (medium or import/export element changed), 2A/00 2A/01 2A/02 2A/09 2A/10
 * (parameters, log, capacity), 2A/11 to 2A/14 (data encryption), 3B/11 to 3B/1C (magazines), 38/07, 3F/01
 * 3F/02 3F/03 (microcode, definition, INQUIRY), 3F/10 3F/11 3F/12, 5A/00 to 5A/03 (operator), 5D/xx
 * (exceptions, TapeAlert). */
TARGE_API int targe_raise(targe_device* device, uint8_t asc, uint8_t ascq, uint64_t session);
/* Block level: the device has another size now, in bytes, whole blocks. Initiators hear of 2A/09. Returns
 * when targed has taken note, which is before they do. -EINVAL: those are no blocks, or the configuration
 * says how large it is. When targed is attached to anew it is told the size that was last answered with 0:
 * after -ENOTCONN and -ETIMEDOUT the handler says it again. */
TARGE_API int targe_resize(targe_device* device, uint64_t size);
/* Block level: fills a log page, code 01h to 3Eh, of which there may be 32: whole log parameters in ascending
 * order as LOG SENSE returns them, 4096 bytes at most; 0 bytes: there is no such page any more. Of a code
 * that is targed's own nothing is seen: 0Ch, 0Eh, 0Fh, 10h, 19h, 2Fh. Kept over restarts of targed. -EINVAL
 * for what are no parameters. */
TARGE_API int targe_set_log_page(targe_device* device, uint8_t code, const void* parameters, size_t size);
/* How many commands at once make sense from now on, 1 to the depth agreed on. */
TARGE_API int targe_set_depth(targe_device* device, uint32_t depth);

#ifdef __cplusplus
}
#endif
