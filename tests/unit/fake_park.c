/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that run one at a time: each is a pthread that waits for its turn. The code under test
 * sees what a kernel thread sees: it goes on alone until it parks or yields.
 */
#include "arch/percpu.h"
#include "core/park.h"
#include "core/print.h"
#include "core/time.h"
#include "object/thread.h"
#include "tests/unit/fake.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#define THREADS_MAX 64u

enum { RUNS, PARKED, ENDED };

struct fake_thread {
    struct thread t;
    sem_t turn;
    pthread_t pthread;
    int state;
    u64 deadline, queued; /* queued: order in which it became able to run */
    void (*fn)(void *arg);
    void *arg;
};

u64 fake_clock = UINT64_C(1000000000);

static struct fake_thread first = { .t = { .tid = 1 } };
static struct fake_thread *threads[THREADS_MAX] = { &first };
static u32 nthreads = 1;
static u64 queue_number;
static bool shuffled;
static struct thread *running = &first.t;

struct thread *arch_current(void)
{
    return running;
}

u64 time_mono(void)
{
    return fake_clock;
}

u64 time_boot(void)
{
    return fake_clock;
}

u64 time_real(void)
{
    return fake_clock + UINT64_C(1700000000) * NSEC_PER_SEC;
}

void fake_threads(u64 seed)
{
    shuffled = seed != 0;
    if (seed)
        unit_seed(seed);
}

static struct fake_thread *of(struct thread *t)
{
    return container_of(t, struct fake_thread, t);
}

static struct fake_thread *pick(void)
{
    struct fake_thread *best = NULL;
    u32 able = 0;

    for (u32 i = 0; i < nthreads; i++) {
        struct fake_thread *f = threads[i];

        if (f->state != RUNS)
            continue;
        able++;
        if (!best || (shuffled ? unit_below(able) == 0 : f->queued < best->queued))
            best = f;
    }
    return best;
}

static void can_run(struct fake_thread *f)
{
    f->state = RUNS;
    f->queued = ++queue_number;
}

/* All wait: go on to the next deadline. */
static void pass_time(void)
{
    u64 next = this_cpu()->page->deadline;

    for (u32 i = 0; i < nthreads; i++)
        if (threads[i]->state == PARKED)
            next = MIN(next, threads[i]->deadline);
    if (next == DEADLINE_NEVER)
        panic("every thread sleeps for good");
    fake_clock = MAX(fake_clock, next);
    timers_run();
    for (u32 i = 0; i < nthreads; i++)
        if (threads[i]->state == PARKED && threads[i]->deadline <= fake_clock)
            can_run(threads[i]);
}

static void next_thread(struct fake_thread *me)
{
    struct fake_thread *f;

    if (this_cpu()->spin_depth)
        panic("a thread parks and holds a spinlock");
    while (!(f = pick()))
        pass_time();
    if (f == me)
        return;
    running = &f->t;
    sem_post(&f->turn);
    if (me->state != ENDED)
        while (sem_wait(&me->turn))
            ;
}

int thread_park(u64 deadline)
{
    struct fake_thread *me = of(running);

    if (me->t.permit) {
        me->t.permit = 0;
        return 0;
    }
    me->state = PARKED;
    me->deadline = deadline;
    next_thread(me);
    if (!me->t.permit)
        return -ETIMEDOUT;
    me->t.permit = 0;
    return 0;
}

void thread_unpark(struct thread *t)
{
    t->permit = 1;
    if (of(t)->state == PARKED)
        can_run(of(t));
}

void thread_unpark_sync(struct thread *t)
{
    thread_unpark(t);
}

void thread_yield(void)
{
    can_run(of(running));
    next_thread(of(running));
}

void thread_breathe(void)
{
    thread_yield();
}

void thread_interrupt(struct thread *t)
{
    t->interrupted = 1;
    thread_unpark(t);
}

void thread_set_work(struct thread *t, u32 bits)
{
    t->work |= bits;
}

static void *begin(void *arg)
{
    struct fake_thread *f = arg;

    while (sem_wait(&f->turn))
        ;
    f->fn(f->arg);
    f->state = ENDED;
    next_thread(f);
    return NULL;
}

struct thread *fake_spawn(void (*fn)(void *arg), void *arg)
{
    struct fake_thread *f = calloc(1, sizeof(*f));

    if (!f || nthreads == THREADS_MAX)
        panic("no more threads");
    f->fn = fn;
    f->arg = arg;
    f->t.tid = nthreads + 1;
    sem_init(&f->turn, 0, 0);
    threads[nthreads++] = f;
    can_run(f);
    if (pthread_create(&f->pthread, NULL, begin, f))
        panic("no more threads");
    return &f->t;
}

void fake_join(void)
{
    for (u32 i = 1; i < nthreads; i++) {
        while (threads[i]->state != ENDED) {
            bool others = false;

            for (u32 k = 1; k < nthreads; k++)
                others |= threads[k]->state == RUNS;
            if (others)
                thread_yield();
            else
                pass_time();
        }
        pthread_join(threads[i]->pthread, NULL);
    }
    while (nthreads > 1)
        free(threads[--nthreads]);
}
