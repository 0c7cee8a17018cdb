// Attaching to a device of targed, and letting go of it.
#include "libtarge/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    kAnswerLimitMs =
        10000,  // targed takes half of it to tell initiators of another handler, and then refuses
    kRetryMs = 20,
};

static int fail(int error, char* text, size_t size, const char* format, ...) {
    if (text != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, size, format, arguments);
        va_end(arguments);
    }
    return -error;
}

struct welcome {
    struct targe_welcome message;
    int descriptors[TARGE_FD_QUEUES + TARGE_MAX_QUEUES];
    uint32_t count;
};

static void close_all(struct welcome* welcome) {
    for (uint32_t i = 0; i < welcome->count; ++i) {
        close(welcome->descriptors[i]);
    }
    welcome->count = 0;
}

static void take_descriptors(struct welcome* welcome, struct msghdr* header) {
    for (struct cmsghdr* at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS) {
            welcome->count = (uint32_t)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(welcome->descriptors, CMSG_DATA(at), welcome->count * sizeof(int));
        }
    }
}

/// 0, or a negative errno. The descriptors are the caller's.
static int receive_welcome(int connection, struct welcome* welcome) {
    union {
        char bytes[CMSG_SPACE(sizeof welcome->descriptors)];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {.iov_base = &welcome->message, .iov_len = sizeof welcome->message};
    struct msghdr header = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = CMSG_LEN(sizeof welcome->descriptors),  // there is space for one more
    };
    const int ready = targe_await(connection, POLLIN, targe_now_ms() + kAnswerLimitMs);
    if (ready != 0) {
        return ready;
    }
    ssize_t got = recvmsg(connection, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && errno == ECONNRESET) {
        // It closed without having read the hello, which says nothing of what it had sent before.
        got = recvmsg(connection, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    }
    if (got <= 0) {
        return got == 0 ? -ECONNRESET : -errno;  // it has ended without an answer
    }
    take_descriptors(welcome, &header);
    const struct targe_welcome* const message = &welcome->message;
    if (got != sizeof *message || message->magic != TARGE_MAGIC) {
        return -EPROTO;
    }
    if (message->error != 0) {
        return 0;
    }
    const bool sound =
        message->protocol == TARGE_PROTOCOL && message->queues >= 1 && message->queues <= TARGE_MAX_QUEUES &&
        message->slots <= TARGE_MAX_SLOTS &&
        message->region_bytes == message->queues * (TARGE_QUEUE_STRIDE + message->arena_bytes) &&
        welcome->count == TARGE_FD_QUEUES + message->queues;
    return sound ? 0 : -EPROTO;
}

static int map_region(targe_device* device, struct welcome* welcome) {
    const struct targe_welcome* const agreed = &welcome->message;
    void* const region = mmap(NULL, agreed->region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                              welcome->descriptors[TARGE_FD_MEMORY], 0);
    struct queue* const queues = calloc(agreed->queues, sizeof *queues);
    if (region == MAP_FAILED || queues == NULL) {
        free(queues);
        if (region != MAP_FAILED) {
            munmap(region, agreed->region_bytes);
        }
        return -ENOMEM;
    }
    close(welcome->descriptors[TARGE_FD_MEMORY]);
    device->event = welcome->descriptors[TARGE_FD_HANDLER];
    uint8_t* const arenas = (uint8_t*)region + agreed->queues * TARGE_QUEUE_STRIDE;
    for (uint32_t i = 0; i < agreed->queues; ++i) {
        queues[i].device = device;
        queues[i].shared = (struct targe_queue*)((uint8_t*)region + i * TARGE_QUEUE_STRIDE);
        queues[i].arena = arenas + i * agreed->arena_bytes;
        queues[i].event = welcome->descriptors[TARGE_FD_QUEUES + i];
        pthread_mutex_init(&queues[i].lock, NULL);
    }
    welcome->count = 0;  // they are the device's now
    device->region = region;
    device->region_bytes = agreed->region_bytes;
    device->queues = queues;
    device->queue_count = agreed->queues;
    device->block_size = agreed->block_size;
    device->does = device->hello.can & agreed->does;
    return 0;
}

static int send_hello(targe_device* device, int connection) {
    pthread_mutex_lock(&device->asking);
    struct targe_hello hello = device->hello;
    pthread_mutex_unlock(&device->asking);
    struct iovec parts[2] = {
        {.iov_base = &hello, .iov_len = sizeof hello},
        {.iov_base = device->rules, .iov_len = device->how.rule_count * sizeof *device->rules}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    if (device->how.lends != 0) {
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        control.aligned.cmsg_level = SOL_SOCKET;
        control.aligned.cmsg_type = SCM_RIGHTS;
        control.aligned.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.aligned), &device->how.memory, sizeof(int));
    }
    return sendmsg(connection, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/// What it most likely comes from that connect() fails so.
static const char* likely_cause(int error) {
    switch (error) {
        case ENOENT:
            return "; targed does not run, or none of its devices has this socket";
        case ECONNREFUSED:
            return "; targed has ended, or that is no socket";
        case EACCES:
            return "; allow_uids or allow_gids of the device let more users attach";
        case EPROTOTYPE:
            return "; that is the socket of something else, such as targed's own";
        default:
            return "";
    }
}

/// One try: 0, or a negative errno.
static int try_to_attach(targe_device* device, char* error, size_t error_size) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, device->path);  // its length was looked at
    // It does not wait in connect(), for whoever has stopped to listen.
    const int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection < 0) {
        return fail(errno, error, error_size, "no socket can be made: %s", strerror(errno));
    }
    if (connect(connection, (const struct sockaddr*)&address, sizeof address) != 0) {
        const int why = errno;
        close(connection);
        return fail(why, error, error_size, "nobody can be reached at %s: %s%s", device->path, strerror(why),
                    likely_cause(why));
    }
    struct welcome welcome;
    welcome.count = 0;
    int result = 0;
    if (send_hello(device, connection) != 0 && errno != EPIPE) {  // targed has refused before it listened
        result = -errno;
    }
    result = result == 0 ? receive_welcome(connection, &welcome) : result;
    if (result == 0 && welcome.message.error != 0) {
        result = fail(welcome.message.error, error, error_size, "targed refuses: %.*s",
                      (int)sizeof welcome.message.text, welcome.message.text);
    } else if (result != 0) {
        fail(-result, error, error_size, "targed does not answer as it should: %s", strerror(-result));
    }
    if (result == 0) {
        result = map_region(device, &welcome);
        if (result != 0) {
            fail(ENOMEM, error, error_size, "the memory cannot be mapped");
        }
    }
    if (result != 0) {
        close_all(&welcome);
        close(connection);
        return result;
    }
    pthread_mutex_lock(&device->asking);
    device->connection = connection;
    __atomic_store_n(&device->size, welcome.message.size, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&device->asking);
    return 0;
}

int targe_connect(targe_device* device, int timeout_ms, char* error, size_t error_size) {
    const int64_t until = targe_now_ms() + timeout_ms;
    for (;;) {
        const int result = try_to_attach(device, error, error_size);
        const bool may_change = result == -ENOENT || result == -ECONNREFUSED || result == -EBUSY ||
                                result == -EAGAIN || result == -ECONNRESET;
        if (result == 0 || !may_change || targe_now_ms() >= until) {
            return result;
        }
        targe_pause(device, kRetryMs);
    }
}

void targe_disconnect(targe_device* device) {
    if (device->connection < 0) {
        return;
    }
    // Another thread may be asking for something.
    pthread_mutex_lock(&device->asking);
    for (uint32_t i = 0; i < device->queue_count; ++i) {
        close(device->queues[i].event);
        pthread_mutex_destroy(&device->queues[i].lock);
    }
    munmap(device->region, device->region_bytes);
    free(device->queues);
    device->queues = NULL;
    device->queue_count = 0;
    close(device->event);
    device->event = -1;
    // Only now: it says that nothing more is done for what was taken.
    close(device->connection);
    device->connection = -1;
    pthread_mutex_unlock(&device->asking);
}

/// As much of what the caller filled in as both of us know.
static void copy_known(void* to, size_t size, const void* from, uint32_t from_size) {
    memcpy(to, from, from_size < size ? from_size : size);
}

targe_device* targe_attach(const struct targe_attachment* how, int timeout_ms, char* error,
                           size_t error_size) {
    targe_device* const device = calloc(1, sizeof *device);
    if (device == NULL) {
        fail(ENOMEM, error, error_size, "out of memory");
        return NULL;
    }
    device->connection = device->event = -1;
    device->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    copy_known(&device->how, sizeof device->how, how, how->struct_size);
    if (device->how.block_ops != NULL) {
        copy_known(&device->blocks, sizeof device->blocks, device->how.block_ops,
                   device->how.block_ops->struct_size);
    }
    if (device->how.command_ops != NULL) {
        copy_known(&device->commands, sizeof device->commands, device->how.command_ops,
                   device->how.command_ops->struct_size);
    }
    pthread_mutex_init(&device->asking, NULL);
    const char* const wrong = targe_wrong_with(device);
    if (wrong != NULL) {
        fail(EINVAL, error, error_size, "%s", wrong);
    } else {
        targe_make_hello(device);
        struct stat memory;
        device->lent_bytes =
            device->how.lends != 0 && fstat(device->how.memory, &memory) == 0 ? (uint64_t)memory.st_size : 0;
        device->path = strdup(device->how.socket);
        if (targe_make_rules(device) != 0 || device->path == NULL || device->stop_event < 0) {
            fail(ENOMEM, error, error_size, "there is not enough memory, or no file descriptor left");
        } else if (targe_connect(device, timeout_ms, error, error_size) == 0) {
            return device;
        }
    }
    targe_detach(device);
    return NULL;
}

void targe_detach(targe_device* device) {
    targe_await_open_requests(device);
    targe_forget_sessions(device);
    targe_disconnect(device);
    if (device->stop_event >= 0) {
        close(device->stop_event);
    }
    pthread_mutex_destroy(&device->asking);
    free(device->path);
    free(device->rules);
    targe_forget_log_pages(device);
    free(device);
}

uint64_t targe_size(const targe_device* device) {
    return __atomic_load_n(&device->size, __ATOMIC_RELAXED);
}

uint32_t targe_block_size(const targe_device* device) {
    return device->block_size;
}
