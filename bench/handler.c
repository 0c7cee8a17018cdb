// handler SOCKET null|ram MEBIBYTES: the null and the RAM device once more, in another program.
//
// What is built into targed costs it no other program: bench/run.py has both in one run.
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <targe.h>

enum { kLongestRead = 1 << 20 };

static uint8_t* memory;  // reads are answered from there
static bool is_null;     // it is as long as one read may be, and stays zero
static targe_device* device;

static int read_blocks(void* context, struct targe_io* io) {
    (void)context;
    const uint64_t at = is_null ? 0 : io->offset;
    if (targe_lend(io, at) != 0) {
        memcpy(io->data, memory + at, io->length);
    }
    return 0;
}

static int write_blocks(void* context, struct targe_io* io) {
    (void)context;
    if (!is_null) {
        memcpy(memory + io->offset, io->data, io->length);
    }
    return 0;
}

static void* stop_when_told(void* signals) {
    int number = 0;
    sigwait(signals, &number);
    targe_stop(device);
    return NULL;
}

int main(int argc, char** argv) {
    const uint64_t size = argc == 4 ? strtoull(argv[3], NULL, 10) << 20 : 0;
    if (size == 0 || (strcmp(argv[2], "null") != 0 && strcmp(argv[2], "ram") != 0)) {
        fprintf(stderr, "usage: handler SOCKET null|ram MEBIBYTES\n");
        return 2;
    }
    is_null = strcmp(argv[2], "null") == 0;
    void* at = NULL;
    const int lent = targe_make_memory(is_null ? kLongestRead : size, &at);
    if (lent < 0) {
        fprintf(stderr, "handler: no memory: %s\n", strerror(-lent));
        return 1;
    }
    memory = at;
    madvise(memory, is_null ? kLongestRead : size, MADV_HUGEPAGE);  // as the built-in one has it
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    const struct targe_block_ops ops = {
        .struct_size = sizeof ops, .read = read_blocks, .write = write_blocks};
    const struct targe_attachment how = {.struct_size = sizeof how,
                                         .socket = argv[1],
                                         .name = "bench 1",
                                         .size = size,
                                         .block_ops = &ops,
                                         .lends = 1,
                                         .memory = lent};
    char error[256];
    device = targe_attach(&how, 10000, error, sizeof error);
    if (device == NULL) {
        fprintf(stderr, "handler: %s\n", error);
        return 1;
    }
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, stop_when_told, &signals) != 0) {
        fprintf(stderr, "handler: no thread\n");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    const int ended = targe_run(device);
    targe_detach(device);
    return ended == 0 ? 0 : 1;
}
