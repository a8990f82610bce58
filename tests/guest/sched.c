/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and niceness of threads: sched_setscheduler(2), sched_setattr(2), setpriority(2); sched(7). */
#define _GNU_SOURCE
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/timex.h>

/* struct sched_attr of sched_setattr(2), its first version. */
struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define RESET 0x40000000 /* SCHED_RESET_ON_FORK */

static const struct sched_param none;

static long set_attr(const struct attr *a)
{
    return syscall(SYS_sched_setattr, 0, a, 0);
}

static int stat_field(int n)
{
    char text[1024], *at;
    FILE *f = fopen("/proc/self/stat", "r");

    CHECK(f != NULL);
    CHECK(fgets(text, sizeof(text), f) != NULL);
    fclose(f);
    at = strrchr(text, ')') + 2; /* the third field */
    for (int i = 3; i < n; i++)
        at = strchr(at, ' ') + 1;
    return atoi(at);
}

static void policies(void)
{
    const struct sched_param high = { .sched_priority = 100 }, low = { .sched_priority = 1 };
    pid_t pid;

    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
    OK(sched_setscheduler(0, SCHED_BATCH, &none));
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
    CHECK_EQ(sched_getscheduler(getpid()), SCHED_BATCH);
    CHECK_EQ(stat_field(41), SCHED_BATCH);
    OK(sched_setparam(0, &none)); /* leaves the policy */
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
    CHECK_ERRNO(sched_setparam(0, &low), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, &low), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &none), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_RR, &high), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, 77, &none), EINVAL);
    CHECK_ERRNO(sched_setscheduler(-1, SCHED_OTHER, &none), EINVAL);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, NULL), EINVAL);
    CHECK_ERRNO(sched_getscheduler(0x3ffffff), ESRCH);
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
        t_end(0);
    }
    t_join(pid);
    OK(sched_setscheduler(0, SCHED_OTHER | RESET, &none));
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER | RESET);
    pid = t_fork();
    if (pid == 0) {
        CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
        t_end(0);
    }
    t_join(pid);
}

/* A process without CAP_SYS_NICE. */
static void unprivileged(void)
{
    const struct sched_param low = { .sched_priority = 1 };
    struct rlimit zero = { 0, 0 };
    struct attr a = { .size = sizeof(a), .policy = SCHED_OTHER, .nice = 3 };

    OK(setrlimit(RLIMIT_NICE, &zero));
    OK(setrlimit(RLIMIT_RTPRIO, &zero));
    CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &low), EPERM);
    CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, &none), EPERM); /* reset-on-fork stays */
    a.flags = 1;
    OK(set_attr(&a));
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 3);
    a.nice = 2;
    CHECK_ERRNO(set_attr(&a), EPERM);
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, 2), EACCES);
    OK(sched_setscheduler(0, SCHED_IDLE | RESET, &none));
    CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER | RESET, &none), EPERM);
    CHECK_EQ(sched_getscheduler(0), SCHED_IDLE | RESET);
}

static void attributes(void)
{
    struct attr a = { .size = sizeof(a), .policy = SCHED_BATCH, .nice = 5, .flags = 1 }, got;
    char large[128] = { 0 };

    OK(set_attr(&a));
    memset(&got, 0xff, sizeof(got));
    OK(syscall(SYS_sched_getattr, 0, &got, sizeof(got), 0));
    CHECK_EQ(got.size, sizeof(got));
    CHECK_EQ(got.policy, SCHED_BATCH);
    CHECK_EQ(got.flags, 1);
    CHECK_EQ(got.nice, 5);
    CHECK_EQ(got.priority, 0);
    a.flags = 1 | 0x10; /* SCHED_FLAG_KEEP_PARAMS */
    a.nice = 9;
    OK(set_attr(&a));
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 5);
    a.flags = 1 | 0x8; /* SCHED_FLAG_KEEP_POLICY */
    a.policy = SCHED_OTHER;
    OK(set_attr(&a));
    CHECK_EQ(sched_getscheduler(0), SCHED_BATCH | RESET);
    memcpy(large, &a, sizeof(a));
    ((struct attr *)large)->size = sizeof(large);
    OK(set_attr((struct attr *)large)); /* the rest is 0 */
    large[100] = 1;
    CHECK_ERRNO(set_attr((struct attr *)large), E2BIG);
    CHECK(((struct attr *)large)->size >= sizeof(a) && ((struct attr *)large)->size < 100);
    a.size = 8;
    CHECK_ERRNO(set_attr(&a), E2BIG);
    a.size = 0; /* the first version */
    OK(set_attr(&a));
    a.flags = 1 << 20;
    CHECK_ERRNO(set_attr(&a), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setattr, 0, 8, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &got, 8, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_getattr, 0x3ffffff, &got, sizeof(got), 0), ESRCH);
}

static void *nicer(void *arg)
{
    pid_t *tid = arg;

    OK(setpriority(PRIO_PROCESS, 0, 12));
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 12);
    __atomic_store_n(tid, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    while (__atomic_load_n(tid, __ATOMIC_SEQ_CST))
        t_sleep_ms(1);
    return NULL;
}

/* PRIO_PROCESS is one thread (setpriority(2), C library/kernel differences). */
static void of_one_thread(void)
{
    volatile pid_t tid = 0;
    pthread_t th;

    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 9);
    CHECK_EQ(pthread_create(&th, NULL, nicer, (void *)&tid), 0);
    EVENTUALLY(tid);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 9);
    CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)tid), 12);
    OK(setpriority(PRIO_PROCESS, (id_t)tid, 14));
    CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)tid), 14);
    tid = 0;
    CHECK_EQ(pthread_join(th, NULL), 0);
    errno = 0;
    CHECK(getpriority(PRIO_PROCESS, 0x3ffffff) == -1);
    CHECK_EQ(errno, ESRCH);
}

/* The clock's state can be read by all, set by nobody here (adjtimex(2)). */
static void clock_state(void)
{
    struct timex tx = { .modes = 0 };
    struct timeval was;

    CHECK(OK(adjtimex(&tx)) <= TIME_ERROR);
    CHECK(tx.tick >= 9000 && tx.tick <= 11000 && tx.time.tv_sec > 1600000000);
    CHECK(OK(clock_adjtime(CLOCK_REALTIME, &tx)) <= TIME_ERROR);
    CHECK_ERRNO(clock_adjtime(CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
    OK(adjtime(NULL, &was));
    tx.modes = ADJ_TICK;
    CHECK_ERRNO(adjtimex(&tx), EPERM);
    CHECK_ERRNO(adjtimex((struct timex *)8), EFAULT);
}

int main(void)
{
    pid_t pid;

    policies();
    pid = t_fork();
    if (pid == 0) {
        OK(setgid(1000));
        OK(setuid(1000));
        OK(sched_setscheduler(0, SCHED_BATCH | RESET, &none));
        unprivileged();
        clock_state();
        t_end(0);
    }
    t_join(pid);
    attributes();
    of_one_thread();
    return 0;
}
