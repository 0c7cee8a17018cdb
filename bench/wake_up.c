// wake_up CPU CPU: what it takes, in microseconds, until a thread that sleeps on one of these runs because
// one on the other has written to its eventfd. Half of there and back; the median.
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kRounds = 20000, kFirst = 1000 };

static struct side {
    int cpu, mine, others;
} sides[2];
static double samples[kRounds];

static void move_to(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static int pass_on(int event) {
    const uint64_t one = 1;
    return write(event, &one, sizeof one) == sizeof one;
}

static int await(int event) {
    uint64_t count;
    return read(event, &count, sizeof count) == sizeof count;
}

static void answer(const struct side* side) {
    move_to(side->cpu);
    for (int i = 0; i < kRounds && await(side->mine) && pass_on(side->others); ++i) {
    }
}

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_size(const void* a, const void* b) {
    const double x = *(const double*)a;
    const double y = *(const double*)b;
    return (x > y) - (x < y);
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: wake_up CPU CPU\n");
        return 2;
    }
    const int first = eventfd(0, 0);
    const int second = eventfd(0, 0);
    sides[0] = (struct side){.cpu = atoi(argv[1]), .mine = first, .others = second};
    sides[1] = (struct side){.cpu = atoi(argv[2]), .mine = second, .others = first};
    const pid_t other = first < 0 || second < 0 ? -1 : fork();
    if (other < 0) {
        perror("wake_up");
        return 1;
    }
    if (other == 0) {
        answer(&sides[1]);
        return 0;
    }
    move_to(sides[0].cpu);
    for (int i = 0; i < kRounds; ++i) {
        const double before = now_us();
        if (!pass_on(second) || !await(first)) {
            return 1;
        }
        samples[i] = (now_us() - before) / 2;
    }
    waitpid(other, NULL, 0);
    qsort(samples + kFirst, kRounds - kFirst, sizeof *samples, by_size);
    printf("%.3f\n", samples[kFirst + (kRounds - kFirst) / 2]);
    return 0;
}
