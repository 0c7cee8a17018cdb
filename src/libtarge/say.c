// What a handler says by itself.
#include "libtarge/internal.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { kReplyLimitMs = 5000 };

/// The reply to request `id`; those to older ones, which nobody waits for any more, are thrown away.
static int await_reply(int connection, uint32_t id) {
    for (;;) {
        struct pollfd wanted = {.fd = connection, .events = POLLIN};
        const int ready = poll(&wanted, 1, kReplyLimitMs);
        if (ready <= 0) {
            return ready == 0 ? -ETIMEDOUT : -errno;
        }
        struct targe_reply reply;
        const ssize_t got = recv(connection, &reply, sizeof reply, 0);
        if (got <= 0) {
            return got == 0 ? -ENOTCONN : -errno;
        }
        if (got == sizeof reply && reply.id == id) {
            return -reply.error;
        }
    }
}

static int ask(targe_device* device, uint32_t kind, uint64_t value, uint64_t session) {
    pthread_mutex_lock(&device->asking);
    const struct targe_request request = {
        .kind = kind, .id = ++device->last_id, .value = value, .session = session};
    const int connection = device->connection;
    int result = -ENOTCONN;
    if (connection >= 0) {
        result = send(connection, &request, sizeof request, MSG_NOSIGNAL) == sizeof request
                     ? await_reply(connection, request.id)
                     : -errno;
    }
    pthread_mutex_unlock(&device->asking);
    return result;
}

int targe_raise(targe_device* device, uint8_t asc, uint8_t ascq, uint64_t session) {
    return ask(device, TARGE_REQUEST_RAISE, (uint64_t)asc << 8 | ascq, session);
}

int targe_resize(targe_device* device, uint64_t size) {
    const uint64_t before = targe_size(device);
    // Larger before targed asks for what is new, smaller when it knows.
    if (size > before) {
        __atomic_store_n(&device->size, size, __ATOMIC_RELAXED);
    }
    const int result = ask(device, TARGE_REQUEST_RESIZE, size, 0);
    __atomic_store_n(&device->size, result == 0 ? size : before, __ATOMIC_RELAXED);
    if (result == 0) {
        device->hello.size = size;  // for attaching anew
    }
    return result;
}

int targe_set_depth(targe_device* device, uint32_t depth) {
    return ask(device, TARGE_REQUEST_DEPTH, depth, 0);
}
