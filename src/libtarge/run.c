// The loop of targe_run(): take what is offered, look for more for a while, sleep.
#include "libtarge/internal.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

enum {
    kLongestSpinNs = 50000,
    kShortestSpinNs = 5000,
    kWakeUpNs = 25000,  // what being woken takes and a spin would not have
    kTurnsBetweenYields = 64,
    kReattachFirstMs = 20,
    kReattachLongestMs = 1000,
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t targe_now_ms(void) {
    return (int64_t)(now_ns() / 1000000);
}

int targe_await(int descriptor, short events, int64_t until_ms) {
    for (;;) {
        const int64_t left = until_ms - targe_now_ms();
        struct pollfd wanted = {.fd = descriptor, .events = events};
        const int ready = poll(&wanted, 1, left > 0 ? (int)left : 0);
        if (ready > 0) {
            return 0;
        }
        if (ready == 0) {
            return -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

void targe_pause(targe_device* device, int ms) {
    (void)targe_await(device->stop_event, POLLIN, targe_now_ms() + ms);
}

static bool stopping(const targe_device* device) {
    return __atomic_load_n(&device->stopping, __ATOMIC_SEQ_CST) != 0;
}

static void take(struct queue* queue) {
    const uint32_t number =
        __atomic_load_n(&queue->shared->offered_slots[queue->taken % TARGE_MAX_SLOTS], __ATOMIC_RELAXED);
    __atomic_store_n(&queue->shared->taken, ++queue->taken, __ATOMIC_RELAXED);
    struct targe_slot* const slot = &queue->shared->slots[number];
    struct request* const request = &queue->requests[number];
    request->queue = queue;
    request->slot = number;
    request->generation = slot->generation;
    request->op = slot->op;
    request->goes_on = false;
    __atomic_add_fetch(&queue->device->open, 1, __ATOMIC_SEQ_CST);
    uint32_t offered = request->generation << TARGE_CLAIM_BITS | TARGE_CLAIM_OFFERED;
    const uint32_t taken = request->generation << TARGE_CLAIM_BITS | TARGE_CLAIM_TAKEN;
    if (!__atomic_compare_exchange_n(&slot->claim, &offered, taken, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        struct targe_completion done = {.error = ECANCELED};
        targe_finish(request, &done);
        return;
    }
    targe_dispatch(queue, slot, request);
}

/// Whether there was anything.
static bool serve(targe_device* device) {
    bool any = false;
    for (uint32_t i = 0; i < device->queue_count; ++i) {
        struct queue* const queue = &device->queues[i];
        const uint32_t offered = __atomic_load_n(&queue->shared->offered, __ATOMIC_ACQUIRE);
        while (queue->taken != offered && !stopping(device)) {
            take(queue);
            any = true;
        }
    }
    void (*const ended)(void*) =
        device->how.level == TARGE_BLOCKS ? device->blocks.batch_ended : device->commands.batch_ended;
    if (any && ended != NULL) {
        ended(device->how.context);
    }
    return any;
}

static bool something_is_offered(const targe_device* device) {
    for (uint32_t i = 0; i < device->queue_count; ++i) {
        if (__atomic_load_n(&device->queues[i].shared->offered, __ATOMIC_SEQ_CST) !=
            device->queues[i].taken) {
            return true;
        }
    }
    return false;
}

/// Whether targed offers from this CPU: then it has nothing to offer as long as this thread spins.
static bool shares_cpu(const targe_device* device) {
    const uint32_t here = (uint32_t)(sched_getcpu() + 1);
    uint32_t* const mine = &device->queues[0].shared->handler_cpu;
    if (__atomic_load_n(mine, __ATOMIC_RELAXED) != here) {
        __atomic_store_n(mine, here, __ATOMIC_RELAXED);
    }
    for (uint32_t i = 0; i < device->queue_count; ++i) {
        if (__atomic_load_n(&device->queues[i].shared->engine_cpu, __ATOMIC_RELAXED) == here) {
            return true;
        }
    }
    return false;
}

/// Whether targed is still there, and listens.
static bool sleep_until_woken(targe_device* device) {
    uint32_t* const asleep = &device->queues[0].shared->handler_asleep;
    __atomic_store_n(asleep, 1, __ATOMIC_SEQ_CST);
    bool listens = true;
    const bool drained = stopping(device) && __atomic_load_n(&device->open, __ATOMIC_SEQ_CST) == 0;
    if (!drained && (stopping(device) || !something_is_offered(device))) {
        // Nobody tells when the last request ends that targe_stop() waits for.
        const bool looks = stopping(device);
        struct pollfd wanted[3] = {{.fd = device->event, .events = POLLIN},
                                   {.fd = device->connection, .events = POLLRDHUP},
                                   {.fd = looks ? -1 : device->stop_event, .events = POLLIN}};
        if (poll(wanted, 3, looks ? 1 : -1) > 0) {
            char rings[64];  // more than there are
            listens = wanted[1].revents == 0;
            if (wanted[0].revents != 0 && read(device->event, rings, sizeof rings) < 0) {
                // Somebody else of the process read it: whatever it was for is looked at all the same.
            }
        }
    }
    __atomic_store_n(asleep, 0, __ATOMIC_SEQ_CST);
    return listens;
}

/// Learns from the gaps between requests whether looking for the next one pays: a gap that a longer spin
/// would have bridged makes it longer, one that no allowed spin could have bridged makes it shrink.
static uint64_t learn(uint64_t spin, uint64_t gap, bool slept) {
    const uint64_t wanted = !slept ? gap : gap > kWakeUpNs ? gap - kWakeUpNs : 0;
    if (wanted <= kLongestSpinNs) {
        uint64_t longer = 2 * (wanted > kShortestSpinNs ? wanted : (uint64_t)kShortestSpinNs);
        longer = longer > spin ? longer : spin;
        return longer < kLongestSpinNs ? longer : kLongestSpinNs;
    }
    return spin / 2 < kShortestSpinNs ? 0 : spin / 2;
}

/// Until targe_stop(): 0, or targed is gone: -ENOTCONN.
static int serve_until_lost(targe_device* device) {
    uint64_t spin = 0;
    uint64_t worked_at = now_ns();
    bool slept = false;
    for (uint32_t turns = 1;; ++turns) {
        const uint64_t before = now_ns();
        if (serve(device)) {
            spin = learn(spin, before - worked_at, slept);
            worked_at = now_ns();
            slept = false;
            continue;
        }
        if (stopping(device) && __atomic_load_n(&device->open, __ATOMIC_SEQ_CST) == 0) {
            return 0;
        }
        if (before - worked_at < spin && !stopping(device)) {
            if (turns % kTurnsBetweenYields == 0 || shares_cpu(device)) {
                sched_yield();
            } else {
                __builtin_ia32_pause();
            }
            continue;
        }
        slept = true;
        if (!sleep_until_woken(device)) {
            return -ENOTCONN;
        }
    }
}

void targe_await_open_requests(targe_device* device) {
    while (__atomic_load_n(&device->open, __ATOMIC_SEQ_CST) != 0) {
        poll(NULL, 0, 1);
    }
}

int targe_run(targe_device* device) {
    int wait_ms = kReattachFirstMs;
    for (;;) {
        const int ended = device->connection < 0 ? -ENOTCONN : serve_until_lost(device);
        if (ended == 0 || device->how.reattach == 0) {
            return ended;
        }
        if (device->connection >= 0) {
            targe_await_open_requests(device);
            targe_forget_sessions(device);
            // The next targed tells initiators of a reset.
            targe_reset_unit(device);
            targe_disconnect(device);
            wait_ms = kReattachFirstMs;
        }
        if (stopping(device)) {
            return 0;
        }
        if (targe_connect(device, 0, NULL, 0) != 0) {
            targe_pause(device, wait_ms);
            wait_ms = wait_ms < kReattachLongestMs / 2 ? 2 * wait_ms : kReattachLongestMs;
        } else {
            targe_say_again(device);
        }
    }
}

void targe_stop(targe_device* device) {
    const int before = errno;  // of whatever a signal has interrupted
    const uint64_t one = 1;
    __atomic_store_n(&device->stopping, 1, __ATOMIC_SEQ_CST);
    if (write(device->stop_event, &one, sizeof one) < 0) {
        // So many are there already that it wakes all the same.
    }
    errno = before;
}
