/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2) itself: the value test, time-outs, wake counts, requeue, between processes. */
#define _GNU_SOURCE
#include "t.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { WAIT = 0, WAKE = 1, FD = 2, REQUEUE = 3, CMP_REQUEUE = 4, WAKE_OP = 5, REALTIME = 256, WAIT_BITSET = 9, WAKE_BITSET = 10, PRIVATE = 128 };

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

/*
 * A word that may be shared is looked up: it has to be there. A private one is only an address, until its
 * value is needed.
 */
static void addresses(void)
{
    static const int unusable[] = { -1, PROT_NONE, PROT_READ }; /* -1: nothing is mapped */
    struct timespec *one = (void *)1;

    for (size_t i = 0; i < 3; i++) {
        uint32_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int readable = unusable[i] == PROT_READ;

        CHECK(at != MAP_FAILED);
        *at = 7;
        if (unusable[i] < 0)
            OK(munmap(at, 4096));
        else
            OK(mprotect(at, 4096, unusable[i]));
        CHECK_ERRNO(futex(at, WAKE, 1, NULL, NULL, 0), EFAULT);
        CHECK_ERRNO(futex(at, WAKE_BITSET, 1, NULL, NULL, 1), EFAULT);
        CHECK_ERRNO(futex(at, WAIT, 1, NULL, NULL, 0), EFAULT);
        CHECK_ERRNO(futex(at, REQUEUE, 1, one, &s->b, 0), EFAULT);
        CHECK_ERRNO(futex(&s->a, REQUEUE, 1, one, at, 0), EFAULT);
        CHECK_ERRNO(futex(at, CMP_REQUEUE, 1, one, &s->b, 0), EFAULT);
        CHECK_ERRNO(futex(&s->a, CMP_REQUEUE, 1, one, at, s->a), EFAULT);
        CHECK_ERRNO(futex(at, WAKE_OP, 1, one, &s->b, 0), EFAULT);
        CHECK_ERRNO(futex(&s->a, WAKE_OP, 1, one, at, 0), EFAULT);
        CHECK_EQ(futex(at, WAKE | PRIVATE, 1, NULL, NULL, 0), 0);
        CHECK_EQ(futex(at, REQUEUE | PRIVATE, 1, one, at, 0), 0);
        CHECK_ERRNO(futex(&s->a, WAKE_OP | PRIVATE, 1, one, at, 0), EFAULT);
        CHECK_ERRNO(futex(at, WAIT | PRIVATE, 1, NULL, NULL, 0), readable ? EAGAIN : EFAULT);
        CHECK_ERRNO(futex(at, CMP_REQUEUE | PRIVATE, 1, one, &s->b, 0), readable ? EAGAIN : EFAULT);
    }
    CHECK_ERRNO(futex((uint32_t *)((char *)&s->a + 2), WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((uint32_t *)((char *)&s->a + 2), WAKE | PRIVATE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((uint32_t *)(UINT64_MAX - 3), WAKE | PRIVATE, 1, NULL, NULL, 0), EFAULT);
}

/* What is not an operation, and what stands above what when two things are wrong. */
static void operations(void)
{
    struct timespec *one = (void *)1, bad = { -1, 0 };

    s->a = 1;
    CHECK_ERRNO(futex(&s->a, FD, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERRNO(futex(&s->a, 14, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERRNO(futex(&s->a, WAKE | 512, 1, NULL, NULL, 0), ENOSYS);
    CHECK_ERRNO(futex(&s->a, WAKE | REALTIME, 1, NULL, NULL, 0), ENOSYS);
    CHECK_ERRNO(futex(&s->a, REQUEUE | REALTIME, 1, one, &s->b, 0), ENOSYS);
    CHECK_ERRNO(futex(&s->a, WAIT_BITSET | REALTIME, 2, NULL, NULL, 1), EAGAIN);
    CHECK_ERRNO(futex(&s->a, WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&s->a, WAIT_BITSET, 1, one, NULL, 0), EFAULT);
    CHECK_ERRNO(futex((uint32_t *)4096, WAIT, 1, &bad, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&s->a, WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&s->a, REQUEUE, (uint32_t)-1, one, &s->b, 0), EINVAL);
    CHECK_ERRNO(futex(&s->a, REQUEUE, 1, (void *)0xffffffff, &s->b, 0), EINVAL);
    CHECK_ERRNO(futex(&s->a, CMP_REQUEUE, (uint32_t)-1, one, (uint32_t *)4096, 9), EINVAL);
    /* FUTEX_WAKE_OP: operations 0 to 4, comparisons 0 to 5. */
    for (uint32_t op = 5; op < 8; op++)
        CHECK_ERRNO(futex(&s->a, WAKE_OP | PRIVATE, 1, one, &s->b, op << 28), ENOSYS);
    for (uint32_t cmp = 6; cmp < 16; cmp++)
        CHECK_ERRNO(futex(&s->a, WAKE_OP, 1, one, &s->b, cmp << 24), ENOSYS);
    s->b = 5;
    CHECK_EQ(futex(&s->a, WAKE_OP, 1, one, &s->b, 9u << 28 | 3 << 12), 0); /* add 1 << 3 */
    CHECK_EQ(s->b, 13);
}

int main(void)
{
    s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(s != MAP_FAILED);
    no_wait();
    between_processes();
    ping_pong();
    addresses();
    operations();
    return 0;
}
