/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier: errors, registration, and that it does what a fence does: of two threads that each write
 * their own word and then read the other's, one at least sees the other's, although only one of them
 * pays for a barrier.
 */
#define _GNU_SOURCE
#include "t.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>

#define ROUNDS 300

static int membarrier(int cmd, unsigned flags)
{
    return (int)syscall(SYS_membarrier, cmd, flags, 0);
}

static volatile int x, y, fast_saw, rounds_of_fast, go, command;

static void *fast(void *arg)
{
    (void)arg;
    for (int i = 1; i <= ROUNDS; i++) {
        while (go != i)
            ;
        x = 1;
        __asm__ volatile("" ::: "memory"); /* no fence: the other has the barrier */
        fast_saw = y;
        rounds_of_fast = i;
    }
    return NULL;
}

static void fences(int cmd)
{
    pthread_t th;
    int slow_saw;

    go = rounds_of_fast = 0;
    CHECK_EQ(pthread_create(&th, NULL, fast, NULL), 0);
    for (int i = 1; i <= ROUNDS; i++) {
        x = y = 0;
        __sync_synchronize();
        go = i;
        y = 1;
        OK(membarrier(cmd, 0));
        slow_saw = x;
        while (rounds_of_fast != i)
            ;
        CHECK(slow_saw || fast_saw);
    }
    CHECK_EQ(pthread_join(th, NULL), 0);
}

int main(void)
{
    int have = OK(membarrier(MEMBARRIER_CMD_QUERY, 0));
    pid_t pid;

    CHECK(have & MEMBARRIER_CMD_GLOBAL);
    CHECK(have & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    CHECK(have & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_QUERY, 4), EINVAL);
    CHECK_ERRNO(membarrier(1 << 30, 0), EINVAL);
    CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
    OK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
    OK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    pid = t_fork();
    if (pid == 0) {
        OK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0)); /* a fork is registered too */
        t_end(0);
    }
    t_join(pid);
    fences(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    OK(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0));
    fences(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
    OK(membarrier(MEMBARRIER_CMD_GLOBAL, 0));
    return 0;
}
