/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: two who wake each other in turn. One operation is a round trip. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"

/* Keeps the caller, and whom it starts, on one processor. */
static void pin(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    OK(sched_setaffinity(0, sizeof(set), &set));
}

/* --- two processes and two pipes -------------------------------------------------------------- */

_Noreturn static void echo(int from, int to)
{
    char c;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
        ;
    _exit(0);
}

static uint64_t pipe_run(uint64_t n)
{
    static int there[2], back[2];
    char c = 0;

    if (!there[1]) {
        OK(pipe(there));
        OK(pipe(back));
        if (OK(fork()) == 0) {
            close(there[1]);
            echo(there[0], back[1]);
        }
    }
    return BENCH_LOOP(n, {
        OK(write(there[1], &c, 1));
        OK(read(back[0], &c, 1));
    });
}

static uint64_t pipe_one_cpu_run(uint64_t n)
{
    pin();
    return pipe_run(n);
}

static uint64_t socket_run(uint64_t n)
{
    static int s[2];
    char c = 0;

    if (!s[1]) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
        if (OK(fork()) == 0) {
            close(s[0]);
            echo(s[1], s[1]);
        }
    }
    return BENCH_LOOP(n, {
        OK(write(s[0], &c, 1));
        OK(read(s[0], &c, 1));
    });
}

/* --- two threads and a futex ------------------------------------------------------------------ */

static uint32_t turn;

static void futex_pass(uint32_t to)
{
    __atomic_store_n(&turn, to, __ATOMIC_SEQ_CST);
    OK(syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
}

static void futex_await(uint32_t me)
{
    uint32_t now;

    while ((now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) != me)
        if (syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0) < 0 &&
            errno != EAGAIN && errno != EINTR)
            bench_fail("futex wait");
}

static void *futex_echo(void *arg)
{
    for (;;) {
        futex_await(1);
        futex_pass(0);
    }
    return arg;
}

static uint64_t futex_run(uint64_t n)
{
    static pthread_t thread;

    if (!thread && (errno = pthread_create(&thread, NULL, futex_echo, NULL)) != 0)
        bench_fail("pthread_create");
    return BENCH_LOOP(n, {
        futex_pass(1);
        futex_await(0);
    });
}

static uint64_t futex_one_cpu_run(uint64_t n)
{
    pin();
    return futex_run(n);
}

const struct bench_case cases_ipc[] = {
    { .name = "pipe", .what = "a byte to another process and back, by pipes", .run = pipe_run },
    { .name = "pipe_one_cpu", .what = "the same, both on one processor", .run = pipe_one_cpu_run },
    { .name = "socketpair", .what = "the same by a pair of unix sockets", .run = socket_run },
    { .name = "futex", .what = "wake another thread by a futex, and be woken", .run = futex_run },
    { .name = "futex_one_cpu",
      .what = "the same, both on one processor",
      .run = futex_one_cpu_run },
    { 0 },
};
