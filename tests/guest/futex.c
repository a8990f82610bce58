/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2) itself: the value test, time-outs, wake counts, requeue, between processes. */
#define _GNU_SOURCE
#include "t.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { WAIT = 0, WAKE = 1, CMP_REQUEUE = 4, WAIT_BITSET = 9, WAKE_BITSET = 10, PRIVATE = 128 };

struct shared {
    uint32_t a, b;
    uint32_t woken;
};

static struct shared *s;

static long futex(uint32_t *at, int op, uint32_t val, const struct timespec *ts, uint32_t *at2,
                  uint32_t val3)
{
    return syscall(SYS_futex, at, op, val, ts, at2, val3);
}

static void no_wait(void)
{
    struct timespec ts = { 0, 20000000 }, bad = { 0, 1000000000 };
    int64_t t = t_now_ns();

    s->a = 1;
    CHECK_ERRNO(futex(&s->a, WAIT, 2, NULL, NULL, 0), EAGAIN);
    CHECK_ERRNO(futex(&s->a, WAIT, 1, &ts, NULL, 0), ETIMEDOUT);
    CHECK(t_now_ns() - t >= 20000000);
    CHECK_ERRNO(futex(&s->a, WAIT | PRIVATE, 1, &bad, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((uint32_t *)((char *)&s->a + 1), WAIT, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((uint32_t *)4096, WAIT, 1, NULL, NULL, 0), EFAULT);
    CHECK_EQ(futex(&s->a, WAKE, 10, NULL, NULL, 0), 0);
}

static pid_t wait_in_child(uint32_t *at)
{
    pid_t pid = t_fork();

    if (pid == 0) {
        OK(futex(at, WAIT, 1, NULL, NULL, 0));
        __atomic_add_fetch(&s->woken, 1, __ATOMIC_SEQ_CST);
        t_end(0);
    }
    return pid;
}

static void between_processes(void)
{
    pid_t pid[4];
    long n = 0;

    s->woken = 0;
    for (int i = 0; i < 4; i++)
        pid[i] = wait_in_child(&s->a);
    t_sleep_ms(100); /* until they wait */
    CHECK_EQ(futex(&s->a, WAKE, 1, NULL, NULL, 0), 1);
    while (__atomic_load_n(&s->woken, __ATOMIC_SEQ_CST) < 1)
        sched_yield();
    CHECK_ERRNO(futex(&s->a, CMP_REQUEUE, 1, (void *)3, &s->b, 9), EAGAIN);
    CHECK_EQ(futex(&s->a, CMP_REQUEUE, 1, (void *)3, &s->b, 1), 3);
    CHECK_EQ(futex(&s->a, WAKE, 10, NULL, NULL, 0), 0);
    while (n < 2)
        n += OK(futex(&s->b, WAKE, 1, NULL, NULL, 0));
    for (int i = 0; i < 4; i++)
        t_join(pid[i]);
    CHECK_EQ(s->woken, 4);
}

/* Two processes hand a token to and fro. */
static void ping_pong(void)
{
    pid_t pid;

    s->a = 0;
    pid = t_fork();
    for (int i = 0; i < 200; i++) {
        uint32_t me = pid ? 0 : 1, now;

        while ((now = __atomic_load_n(&s->a, __ATOMIC_SEQ_CST)) != me)
            futex(&s->a, WAIT, now, NULL, NULL, 0);
        __atomic_store_n(&s->a, !me, __ATOMIC_SEQ_CST);
        futex(&s->a, WAKE, 1, NULL, NULL, 0);
    }
    if (pid == 0)
        t_end(0);
    t_join(pid);
}

int main(void)
{
    s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    no_wait();
    between_processes();
    ping_pong();
    return 0;
}
