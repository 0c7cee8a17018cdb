// What a handler says by itself.
#include "libtarge/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { kReplyLimitMs = 5000 };

static int error_of_connection(int error) {
    return error == EPIPE || error == ECONNRESET ? -ENOTCONN : -error;
}

/// Like sendmsg(), but no longer than to `until_ms`: 0, or a negative errno.
static int send_by(int connection, const struct msghdr* message, int64_t until_ms) {
    for (;;) {
        const int ready = targe_await(connection, POLLOUT, until_ms);
        if (ready != 0) {
            return ready;
        }
        if (sendmsg(connection, message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return error_of_connection(errno);
        }
    }
}

/// The reply to request `id`; those to older ones, which nobody waits for any more, are thrown away.
static int await_reply(int connection, uint32_t id, int64_t until_ms) {
    for (;;) {
        const int ready = targe_await(connection, POLLIN, until_ms);
        if (ready != 0) {
            return ready;
        }
        struct targe_reply reply;
        const ssize_t got = recv(connection, &reply, sizeof reply, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? -ENOTCONN : error_of_connection(errno);
        }
        if (got == sizeof reply && reply.id == id) {
            return -reply.error;
        }
    }
}

/// With `asking` held; `id` and what follows of `request` are filled in.
static int ask_with(targe_device* device, struct targe_request request, const void* data, size_t size) {
    request.id = ++device->last_id;
    struct iovec parts[2] = {{.iov_base = &request, .iov_len = sizeof request},
                             {.iov_base = (void*)data, .iov_len = size}};
    const struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    const int connection = device->connection;
    if (connection < 0) {
        return -ENOTCONN;
    }
    const int64_t until_ms = targe_now_ms() + kReplyLimitMs;
    const int sent = send_by(connection, &header, until_ms);
    return sent != 0 ? sent : await_reply(connection, request.id, until_ms);
}

/// With `asking` held.
static int ask(targe_device* device, uint32_t kind, uint64_t value, uint64_t session) {
    const struct targe_request request = {.kind = kind, .value = value, .session = session};
    return ask_with(device, request, NULL, 0);
}

/// With `asking` held.
static int set_log_page(targe_device* device, const struct log_page* page) {
    const struct targe_request request = {.kind = TARGE_REQUEST_LOG_PAGE, .value = page->code};
    return ask_with(device, request, page->parameters, page->size);
}

/// The latest of each code is kept, with `asking` held.
static void keep_log_page(targe_device* device, struct log_page* page) {
    for (struct log_page** at = &device->log_pages; *at != NULL; at = &(*at)->next) {
        if ((*at)->code == page->code) {
            struct log_page* const old = *at;
            *at = old->next;
            free(old);
            break;
        }
    }
    page->next = device->log_pages;
    device->log_pages = page;
}

int targe_set_log_page(targe_device* device, uint8_t code, const void* parameters, size_t size) {
    struct log_page* const page = size > TARGE_MAX_LOG_BYTES ? NULL : malloc(sizeof *page);
    if (page == NULL) {
        return size > TARGE_MAX_LOG_BYTES ? -EINVAL : -ENOMEM;
    }
    page->code = code;
    page->size = size;
    if (size > 0) {
        memcpy(page->parameters, parameters, size);
    }
    pthread_mutex_lock(&device->asking);
    const int result = set_log_page(device, page);
    if (result == 0) {
        keep_log_page(device, page);
    } else {
        free(page);
    }
    pthread_mutex_unlock(&device->asking);
    return result;
}

void targe_say_again(targe_device* device) {
    pthread_mutex_lock(&device->asking);
    for (const struct log_page* page = device->log_pages; page != NULL; page = page->next) {
        set_log_page(device, page);
    }
    if (device->depth != 0) {
        ask(device, TARGE_REQUEST_DEPTH, device->depth, 0);
    }
    pthread_mutex_unlock(&device->asking);
}

void targe_forget_log_pages(targe_device* device) {
    while (device->log_pages != NULL) {
        struct log_page* const page = device->log_pages;
        device->log_pages = page->next;
        free(page);
    }
}

int targe_raise(targe_device* device, uint8_t asc, uint8_t ascq, uint64_t session) {
    pthread_mutex_lock(&device->asking);
    const int result = ask(device, TARGE_REQUEST_RAISE, (uint64_t)asc << 8 | ascq, session);
    pthread_mutex_unlock(&device->asking);
    return result;
}

int targe_resize(targe_device* device, uint64_t size) {
    pthread_mutex_lock(&device->asking);
    if (device->connection < 0) {
        // Another thread may be agreeing on a size with the next targed.
        pthread_mutex_unlock(&device->asking);
        return -ENOTCONN;
    }
    const uint64_t before = targe_size(device);
    // Larger before targed asks for what is new, smaller when it knows.
    if (size > before) {
        __atomic_store_n(&device->size, size, __ATOMIC_RELAXED);
    }
    const int result = ask(device, TARGE_REQUEST_RESIZE, size, 0);
    // It may yet ask for what is new when it has not answered.
    if (result != -ETIMEDOUT) {
        __atomic_store_n(&device->size, result == 0 ? size : before, __ATOMIC_RELAXED);
    }
    if (result == 0) {
        device->hello.size = size;  // for attaching anew
    }
    pthread_mutex_unlock(&device->asking);
    return result;
}

int targe_set_depth(targe_device* device, uint32_t depth) {
    pthread_mutex_lock(&device->asking);
    const int result = ask(device, TARGE_REQUEST_DEPTH, depth, 0);
    if (result == 0) {
        device->depth = depth;  // likewise
    }
    pthread_mutex_unlock(&device->asking);
    return result;
}
