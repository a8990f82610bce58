/* SPDX-License-Identifier: Apache-2.0 */
/* sched_setaffinity(2): of the caller, of threads that wait for their turn, and its errors. */
#define _GNU_SOURCE
#include "t.h"

#include <sched.h>
#include <sys/mman.h>

#define N 6

static cpu_set_t all;
static int cpus[CPU_SETSIZE], ncpus;

static void look_at_cpus(void)
{
    OK(sched_getaffinity(0, sizeof(all), &all));
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all))
            cpus[ncpus++] = i;
}

static int put(pid_t pid, int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(pid, sizeof(one), &one);
}

static void own(void)
{
    cpu_set_t now;

    for (int i = 0; i < 5 * ncpus; i++) {
        OK(put(0, cpus[i % ncpus]));
        CHECK_EQ(sched_getcpu(), cpus[i % ncpus]);
    }
    OK(sched_getaffinity(0, sizeof(now), &now));
    CHECK_EQ(CPU_COUNT(&now), 1);
    OK(sched_setaffinity(0, sizeof(all), &all));
}

static void errors(void)
{
    cpu_set_t none;

    CPU_ZERO(&none);
    CHECK_ERRNO(sched_setaffinity(0, sizeof(none), &none), EINVAL);
    CHECK_ERRNO(sched_setaffinity(0, sizeof(none), (cpu_set_t *)8), EFAULT);
    CHECK_ERRNO(put(0x3fffffff, cpus[0]), ESRCH);
    CHECK_ERRNO(sched_getaffinity(0, 1, &none), EINVAL);
    CHECK_ERRNO(sched_getaffinity(0x3fffffff, sizeof(none), &none), ESRCH);
}

/* None of those who were moved about while they waited is forgotten, although all CPUs stay busy. */
static void moved_while_queued(void)
{
    struct shared {
        long turns[N];
        int stop;
    } *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[N];

    CHECK(s != MAP_FAILED);
    for (int i = 0; i < N; i++) {
        pid[i] = t_fork();
        if (pid[i] == 0) {
            while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
                __atomic_fetch_add(&s->turns[i], 1, __ATOMIC_RELAXED);
                sched_yield();
            }
            t_end(0);
        }
    }
    for (int k = 0; k < 10; k++) {
        for (int i = 0; i < N; i++)
            OK(put(pid[i], cpus[(i + k) % ncpus]));
        sched_yield();
    }
    for (int i = 0; i < N; i++) {
        long before = __atomic_load_n(&s->turns[i], __ATOMIC_RELAXED);

        EVENTUALLY(__atomic_load_n(&s->turns[i], __ATOMIC_RELAXED) > before);
    }
    __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < N; i++)
        t_join(pid[i]);
}

/* The same where the CPUs have no others: each has in its queue only those who may not run there. */
static void moved_while_idle(void)
{
    int *go = mmap(NULL, sizeof(*go), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[N];

    CHECK(go != MAP_FAILED);
    for (int round = 0; round < 3; round++) {
        __atomic_store_n(go, 0, __ATOMIC_RELAXED);
        for (int i = 0; i < N; i++) {
            pid[i] = t_fork();
            if (pid[i] == 0) {
                while (!__atomic_load_n(go, __ATOMIC_RELAXED))
                    sched_yield();
                t_end(0);
            }
        }
        for (int i = 0; i < N; i++)
            OK(put(pid[i], cpus[(i + round) % ncpus]));
        __atomic_store_n(go, 1, __ATOMIC_RELAXED);
        for (int i = 0; i < N; i++)
            t_join(pid[i]);
    }
}

int main(void)
{
    look_at_cpus();
    own();
    errors();
    moved_while_idle();
    moved_while_queued();
    return 0;
}
