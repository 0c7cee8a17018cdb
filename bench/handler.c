// handler SOCKET null|ram MEBIBYTES: the null and the RAM device once more, in another program.
//
// What is built into targed costs it no copy and no other program: bench/run.py has both in one run.
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <targe.h>

static uint8_t* memory;  // NULL: there is no store, reads find zeroes
static targe_device* device;

static int read_blocks(void* context, struct targe_io* io) {
    (void)context;
    if (memory == NULL) {
        memset(io->data, 0, io->length);
    } else {
        memcpy(io->data, memory + io->offset, io->length);
    }
    return 0;
}

static int write_blocks(void* context, struct targe_io* io) {
    (void)context;
    if (memory != NULL) {
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
    if (strcmp(argv[2], "ram") == 0) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            perror("handler");
            return 1;
        }
        madvise(memory, size, MADV_HUGEPAGE);  // as the built-in one has it
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    const struct targe_block_ops ops = {
        .struct_size = sizeof ops, .read = read_blocks, .write = write_blocks};
    const struct targe_attachment how = {
        .struct_size = sizeof how, .socket = argv[1], .name = "bench 1", .size = size, .block_ops = &ops};
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
