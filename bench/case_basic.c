/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: entry to the kernel and back, and little more. */
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

static uint64_t getpid_run(uint64_t n)
{
    return BENCH_LOOP(n, syscall(SYS_getpid));
}

static uint64_t clock_run(uint64_t n)
{
    struct timespec ts;

    return BENCH_LOOP(n, OK(clock_gettime(CLOCK_MONOTONIC, &ts)));
}

static uint64_t clock_syscall_run(uint64_t n)
{
    struct timespec ts;

    return BENCH_LOOP(n, OK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts)));
}

static uint64_t read_zero_run(uint64_t n)
{
    static int fd;
    char c;

    if (!fd)
        fd = (int)OK(open("/dev/zero", O_RDONLY));
    return BENCH_LOOP(n, OK(read(fd, &c, 1)));
}

static void nothing(int sig)
{
    (void)sig;
}

static uint64_t signal_run(uint64_t n)
{
    pid_t self = getpid();
    struct sigaction sa = { .sa_handler = nothing };

    OK(sigaction(SIGUSR1, &sa, NULL));
    return BENCH_LOOP(n, OK(kill(self, SIGUSR1)));
}

const struct bench_case cases_basic[] = {
    { .name = "getpid", .what = "getpid system call", .run = getpid_run },
    { .name = "clock_gettime", .what = "clock_gettime as libc does it (vDSO)", .run = clock_run },
    { .name = "clock_syscall", .what = "clock_gettime system call", .run = clock_syscall_run },
    { .name = "read_zero_1", .what = "read 1 byte of /dev/zero", .run = read_zero_run },
    { .name = "signal_self", .what = "kill self, handler runs, return", .run = signal_run },
    { 0 },
};
