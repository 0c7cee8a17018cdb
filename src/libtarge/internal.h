// What the sources of libtarge share. Not installed.
#pragma once

#include "gateway/region.h"
#include "libtarge/targe.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus  // tests
extern "C" {
#endif

struct queue;

/// What a handler holds of one slot: the first member is what it sees, so that a pointer to that leads back.
struct request {
    union {
        struct targe_io io;
        struct targe_command command;
    };
    struct targe_extent extent;
    struct queue* queue;
    uint32_t slot;
    uint32_t generation;
    uint8_t op;
    bool goes_on;   ///< it was answered
    bool may_lend;  ///< READ
    bool lent;      ///< its data are in the memory that is lent, from here on
    uint64_t lent_at;
    uint8_t* remap_room;  ///< TARGE_REMAP_BYTES; NULL: the command may not
    uint32_t remap;       ///< TARGE_COMPLETION_WRITES_SAME or _COPIES; 0: neither
    uint32_t remaps;      ///< that the room has
    uint32_t remap_block_bytes;
};

/// One core's. `lock` is for `completed`, which any thread may move; the rest is of targe_run()'s thread.
struct queue {
    targe_device* device;
    struct targe_queue* shared;
    uint8_t* arena;
    int event;
    uint32_t taken;
    uint32_t completed;
    pthread_mutex_t lock;
    struct request requests[TARGE_MAX_SLOTS];
};

/// A nexus that was let in, so that it can be told of to have gone when targed is.
struct session {
    uint64_t handle;
    uint16_t lun;
    struct session* next;
};

struct log_page {
    uint8_t code;
    size_t size;
    uint8_t parameters[TARGE_MAX_LOG_BYTES];
    struct log_page* next;
};

struct targe_device {
    struct targe_attachment how;  // with copies of what it names
    struct targe_block_ops blocks;
    struct targe_command_ops commands;
    struct targe_hello hello;
    struct targe_rule* rules;  // behind it
    uint32_t does;             // of hello.can, as far as targed knows it
    uint64_t lent_bytes;       // of how.memory
    char* path;
    int connection;
    int event;       // can be read from once targed wakes it
    int stop_event;  // readable from targe_stop() on; it stays for as long as the device
    void* region;
    uint64_t region_bytes;
    uint32_t queue_count;
    struct queue* queues;
    uint64_t size;
    uint32_t block_size;
    uint32_t open;  // requests that the handler has
    uint32_t stopping;
    struct session* sessions;
    struct log_page* log_pages;  // with `asking` held
    pthread_mutex_t asking;      // one request over the socket at a time
    uint32_t last_id;
    uint32_t depth;  // of targe_set_depth(); 0: none was set. With `asking` held
};

// attach.c
/// 0, or a negative errno with a sentence in `error`.
int targe_connect(targe_device* device, int timeout_ms, char* error, size_t error_size);
void targe_disconnect(targe_device* device);

// complete.c
/// Ends the request; from any thread. Only slot and generation of `with` are filled in here.
void targe_finish(struct request* request, struct targe_completion* with);

// hello.c
/// Of what the caller filled in, in a sentence; or NULL.
const char* targe_wrong_with(const targe_device* device);
void targe_make_hello(targe_device* device);
/// 0, or -ENOMEM.
int targe_make_rules(targe_device* device);

// run.c
int64_t targe_now_ms(void);
/// Waits until `descriptor` is ready for `events`: 0, or -ETIMEDOUT. Signals do not end it.
int targe_await(int descriptor, short events, int64_t until_ms);
/// Waits so long, or until targe_stop().
void targe_pause(targe_device* device, int ms);
/// What the handler still has cannot be told to anybody, but must end before its memory goes.
void targe_await_open_requests(targe_device* device);

// say.c
/// To a targed that knows nothing of this device yet.
void targe_say_again(targe_device* device);
void targe_forget_log_pages(targe_device* device);

// serve.c
/// Calls the handler for what it is given. Finishes the request, unless the handler does that later.
void targe_dispatch(struct queue* queue, struct targe_slot* slot, struct request* request);
void targe_forget_sessions(targe_device* device);
/// As after LOGICAL UNIT RESET, where a handler of commands wants to be told of that.
void targe_reset_unit(const targe_device* device);

#ifdef __cplusplus
}
#endif
