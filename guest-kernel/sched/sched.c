/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run queues and switching.
 *
 * A run queue's lock is held from the choice of the next thread until that thread runs on its own stack
 * (sched_finish_switch). So whoever holds the lock of the vCPU that a thread last ran on knows that the
 * thread's context is saved: a queued thread is never still running, except as its own vCPU's current.
 *
 * Locks: one run queue's at a time (RANK_RUNQUEUE); stealing takes a second one only by trying.
 */
#include "sched/sched.h"

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/switch.h"
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/park.h"
#include "core/pending.h"
#include "core/print.h"
#include "core/time.h"
#include "mm/slab.h"
#include "mm/tlb.h"
#include "mm/window_gen.h"
#include "object/process.h"

#define POLL_US 50u /* how long an idle vCPU looks for work before it halts */

struct runq {
    struct spinlock lock;
    struct list queue;     /* (l) thread.run_node */
    u32 length;            /* (l) */
    bool idle;             /* (a) nothing runs here */
    bool halts;            /* (a) the vCPU halts, or is about to: it needs a kick */
    struct thread *prev;   /* own vCPU only: whom the switch in progress comes from */
    struct thread *leaves; /* own vCPU only: that one, if it may not run here any more */
    struct thread *window; /* runs the window hook for the idle thread */
};

static struct runq runqs[RV_MAX_VCPUS] = {
    [0 ... RV_MAX_VCPUS - 1] = { .lock = SPINLOCK_INIT(RANK_RUNQUEUE) },
};
struct sched_hooks sched_hooks;

static struct runq *own_queue(void)
{
    return &runqs[this_cpu()->index];
}

static bool allowed(const struct thread *t, u32 cpu)
{
    return READ_ONCE(t->affinity) >> cpu & 1;
}

u32 sched_ncpus(void)
{
    return ncpus;
}

/* Clocks of two vCPUs may differ a little. */
static u64 since(u64 now, u64 then)
{
    return now > then ? now - then : 0;
}

u64 thread_time(const struct thread *t)
{
    u64 used = READ_ONCE(t->run_ns);

    return used & THREAD_RUNS ? since(time_mono(), used & ~THREAD_RUNS) : used;
}

static void add_ticks(u32 ticks[2], u64 now, u64 then)
{
    ticks[0] += (u32)now - (u32)then;
    ticks[1] += (u32)(now >> 32) - (u32)(then >> 32);
}

void thread_ticks(const struct thread *t, u32 ticks[2])
{
    const struct percpu *c = percpu_table[READ_ONCE(t->cpu)];

    ticks[0] = READ_ONCE(t->ticks[0]);
    ticks[1] = READ_ONCE(t->ticks[1]);
    if (READ_ONCE(t->run_ns) & THREAD_RUNS)
        add_ticks(ticks, READ_ONCE(c->page->ticks), READ_ONCE(c->ticks));
}

/* --- queues --------------------------------------------------------------------------------------- */

static void enqueue(struct runq *rq, u32 cpu, struct thread *t)
{
    list_add_tail(&rq->queue, &t->run_node);
    rq->length++;
    WRITE_ONCE(percpu_table[cpu]->page->waiters, rq->length);
}

static void dequeue(struct runq *rq, u32 cpu, struct thread *t)
{
    list_del(&t->run_node);
    rq->length--;
    WRITE_ONCE(percpu_table[cpu]->page->waiters, rq->length);
}

/* First thread of a queue that may run on a vCPU, or NULL. Lock held. */
static struct thread *first_for(struct runq *rq, u32 cpu)
{
    struct thread *t;

    list_for_each(t, &rq->queue, run_node)
        if (allowed(t, cpu))
            return t;
    return NULL;
}

static void kick(u32 cpu)
{
    if (cpu != this_cpu()->index)
        hostcall(RV_HC_kick, UINT64_C(1) << cpu, 0, 0, 0, 0, NULL);
}

/* Make a parked (or new) thread runnable on a vCPU; its state was just taken from PARKED by us. */
static void make_runnable(struct thread *t, u32 cpu)
{
    struct runq *rq;

    /* Its last vCPU may still be about to switch away from it: only that queue's lock waits for it. */
    if (__atomic_load_n(&t->on_cpu, __ATOMIC_SEQ_CST))
        cpu = READ_ONCE(t->cpu);
    rq = &runqs[cpu];
    spin_lock(&rq->lock);
    enqueue(rq, cpu, t);
    spin_unlock(&rq->lock);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (READ_ONCE(rq->halts))
        kick(cpu);
}

/* An idle vCPU for t, its last one if it can be; else this one or the first it may use. */
static u32 choose_cpu(const struct thread *t)
{
    u32 own = this_cpu()->index;

    if (ncpus > 1) {
        u32 last = READ_ONCE(t->cpu);

        if (READ_ONCE(runqs[last].idle) && allowed(t, last))
            return last;
        for (u32 i = 0; i < ncpus; i++)
            if (i != own && READ_ONCE(runqs[i].idle) && allowed(t, i))
                return i;
        if (!allowed(t, own))
            return cpu_lowest_bit(t->affinity);
    }
    return own;
}

static u32 local_cpu(const struct thread *t)
{
    u32 own = this_cpu()->index;

    return allowed(t, own) ? own : cpu_lowest_bit(t->affinity);
}

/* --- switching ------------------------------------------------------------------------------------ */

/* The second half of a switch, on the new thread's stack; also the beginning of a new thread. */
void sched_finish_switch(void);
void sched_finish_switch(void)
{
    struct runq *rq = own_queue();
    struct thread *prev = rq->prev;
    bool dead = prev->state == THREAD_DEAD;
    struct thread *leaves = rq->leaves;
    struct process *p;

    __atomic_store_n(&prev->on_cpu, 0, __ATOMIC_SEQ_CST);
    spin_unlock(&rq->lock);
    if (dead)
        object_unref(&prev->obj);
    rq->leaves = NULL;
    if (unlikely(leaves))
        make_runnable(leaves, cpu_lowest_bit(READ_ONCE(leaves->affinity)));
    p = current()->proc;
    if (unlikely(p && READ_ONCE(p->cpu_watched)))
        cputime_look();
}

/*
 * Give the vCPU to the next thread. The queue's lock is held, and released on return. count: which
 * kind of switch this is for the current thread.
 */
static void switch_away(struct runq *rq, u64 *count)
{
    struct percpu *cpu = this_cpu();
    struct thread *cur = cpu->current, *next = first_for(rq, cpu->index);
    u64 now, ticks;

    if (next)
        dequeue(rq, cpu->index, next);
    else
        next = cpu->idle;
    if (next == cur) {
        WRITE_ONCE(cur->state, THREAD_RUNNING);
        spin_unlock(&rq->lock);
        return;
    }
    cpu->page->switches++;
    cpu->switches++;
    now = time_mono();
    WRITE_ONCE(*count, *count + 1);
    WRITE_ONCE(cur->run_ns, since(now, cur->run_ns & ~THREAD_RUNS));
    WRITE_ONCE(next->run_ns, THREAD_RUNS | since(now, next->run_ns));
    ticks = READ_ONCE(cpu->page->ticks);
    if (unlikely(ticks != cpu->ticks)) {
        add_ticks(cur->ticks, ticks, cpu->ticks);
        WRITE_ONCE(cpu->ticks, ticks);
    }
    __atomic_store_n(&next->on_cpu, 1, __ATOMIC_SEQ_CST);
    next->cpu = cpu->index;
    WRITE_ONCE(next->state, THREAD_RUNNING);
    if (next->proc && next->proc->aspace)
        tlb_switch(next->proc->aspace);
    rq->prev = cur;
    arch_switch(cur, next);
    sched_finish_switch();
}

/* --- parking -------------------------------------------------------------------------------------- */

static void sleep_over(struct timer *timer)
{
    thread_unpark(container_of(timer, struct thread, timer));
}

void sched_thread_init(struct thread *t)
{
    timer_init(&t->timer, sleep_over);
}

static bool take_permit(struct thread *t)
{
    return __atomic_exchange_n(&t->permit, 0, __ATOMIC_SEQ_CST) != 0;
}

int thread_park(u64 deadline)
{
    struct thread *t = current();
    struct runq *rq;
    u32 parked = THREAD_PARKED;
    int r;

    if (take_permit(t))
        return 0;
    if (deadline != DEADLINE_NEVER) {
        if (time_mono() >= deadline)
            return -ETIMEDOUT;
        timer_arm(&t->timer, deadline);
    }
    rq = own_queue();
    spin_lock(&rq->lock);
    __atomic_store_n(&t->state, THREAD_PARKED, __ATOMIC_SEQ_CST);
    /* An unpark since the look above left its permit, or sees the state and queues the thread. */
    if (READ_ONCE(t->permit) &&
        __atomic_compare_exchange_n(&t->state, &parked, THREAD_RUNNING, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        spin_unlock(&rq->lock);
    else
        switch_away(rq, &t->nvcsw);
    if (deadline != DEADLINE_NEVER)
        timer_cancel(&t->timer);
    r = take_permit(t) ? 0 : -ETIMEDOUT;
    if (deadline != DEADLINE_NEVER && time_mono() >= deadline)
        r = -ETIMEDOUT;
    return r;
}

static bool claim(struct thread *t)
{
    u32 parked = THREAD_PARKED;

    __atomic_store_n(&t->permit, 1, __ATOMIC_SEQ_CST);
    return __atomic_compare_exchange_n(&t->state, &parked, THREAD_RUNNABLE, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

void thread_unpark(struct thread *t)
{
    if (claim(t))
        make_runnable(t, choose_cpu(t));
}

void thread_unpark_sync(struct thread *t)
{
    if (claim(t))
        make_runnable(t, local_cpu(t));
}

static void requeue_current(void)
{
    struct runq *rq = own_queue();
    struct thread *t = current();
    bool stays = allowed(t, this_cpu()->index);

    spin_lock(&rq->lock);
    if (stays && list_empty(&rq->queue)) {
        spin_unlock(&rq->lock);
        return;
    }
    WRITE_ONCE(t->state, THREAD_RUNNABLE);
    if (!stays)
        rq->leaves = t; /* sched_setaffinity(2) */
    else if (t != this_cpu()->idle)
        enqueue(rq, this_cpu()->index, t);
    switch_away(rq, &t->nivcsw);
}

void thread_yield(void)
{
    if (READ_ONCE(this_cpu()->page->pending))
        sched_pending();
    requeue_current();
}

void sched_resched(void)
{
    __atomic_fetch_and(&current()->work, ~WORK_RESCHED, __ATOMIC_SEQ_CST);
    requeue_current();
}

void thread_start(struct thread *t)
{
    object_ref(&t->obj); /* the running thread's own */
    t->cpu = this_cpu()->index;
    WRITE_ONCE(t->state, THREAD_RUNNABLE);
    make_runnable(t, local_cpu(t));
}

void sched_end_thread(void)
{
    struct runq *rq = own_queue();

    spin_lock(&rq->lock);
    WRITE_ONCE(current()->state, THREAD_DEAD);
    switch_away(rq, &current()->nvcsw);
    panic("a dead thread runs");
}

void thread_set_work(struct thread *t, u32 bits)
{
    __atomic_fetch_or(&t->work, bits, __ATOMIC_SEQ_CST);
    if (t != current() && READ_ONCE(t->state) == THREAD_RUNNING)
        kick(READ_ONCE(t->cpu));
}

/*
 * Threads that were queued here and then lost the right to run here, sched_setaffinity(2), go where they
 * may: nobody else need ever look into this queue.
 */
static void send_strays(struct runq *rq)
{
    u32 own = this_cpu()->index;

    for (u32 n = READ_ONCE(rq->length); n; n--) {
        struct thread *t, *stray = NULL;

        spin_lock(&rq->lock);
        list_for_each(t, &rq->queue, run_node) {
            if (!allowed(t, own)) {
                stray = t;
                dequeue(rq, own, t);
                break;
            }
        }
        spin_unlock(&rq->lock);
        if (!stray)
            return;
        make_runnable(stray, cpu_lowest_bit(READ_ONCE(stray->affinity)));
    }
}

/* --- what the VMM tells --------------------------------------------------------------------------- */

static void window_thread(void *arg UNUSED)
{
    for (;;) {
        thread_park(DEADLINE_NEVER);
        window_settle();
    }
}

static void windows_lost(void)
{
    struct runq *rq = own_queue();

    if (!window_settle)
        return;
    if (current() != this_cpu()->idle) {
        window_settle();
        return;
    }
    if (!rq->window) {
        rq->window = thread_create(NULL, "window", window_thread, NULL);
        if (!rq->window)
            return; /* the page that faults will bring it up again */
        thread_start(rq->window);
    }
    thread_unpark_sync(rq->window);
}

static void other_event(const struct rv_event *ev)
{
    if (sched_hooks.event)
        sched_hooks.event(ev);
}

/* A slice is over: the thread gives way, and a vCPU that has nothing to do is told to look here. */
static void tick(void)
{
    struct runq *rq = own_queue();

    if (!READ_ONCE(rq->length))
        return;
    send_strays(rq);
    __atomic_fetch_or(&current()->work, WORK_RESCHED, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < ncpus; i++) {
        if (READ_ONCE(runqs[i].idle)) {
            kick(i);
            break;
        }
    }
}

static void look_at(u32 bits)
{
    if (bits & RV_PEND_KICK)
        tlb_serve();
    if (bits & RV_PEND_EVENTS)
        pending_events(other_event);
    timers_run();
    if (bits & RV_PEND_TICK)
        tick();
    if (bits & RV_PEND_WINDOW)
        windows_lost();
}

void sched_pending(void)
{
    look_at(__atomic_exchange_n(&this_cpu()->page->pending, 0, __ATOMIC_SEQ_CST));
}

void thread_breathe(void)
{
    struct rv_vcpu_page *page = this_cpu()->page;

    /* Windows are settled by whoever holds no mutex: the way to ring 3, or the idle loop's thread. */
    if (READ_ONCE(page->pending) & ~RV_PEND_WINDOW)
        look_at(__atomic_fetch_and(&page->pending, RV_PEND_WINDOW, __ATOMIC_SEQ_CST) &
                ~RV_PEND_WINDOW);
    else if (timers_due())
        timers_run();
    if (READ_ONCE(current()->work) & WORK_RESCHED)
        sched_resched();
}

/* --- idle ----------------------------------------------------------------------------------------- */

/* Take a thread from the longest other queue. */
static bool steal(void)
{
    u32 own = this_cpu()->index, from = own, most = 0;
    struct thread *t = NULL;

    for (u32 i = 0; i < ncpus; i++) {
        u32 n = READ_ONCE(runqs[i].length);

        if (i != own && n > most) {
            most = n;
            from = i;
        }
    }
    if (!most || !spin_trylock(&runqs[from].lock))
        return false;
    t = first_for(&runqs[from], own);
    if (t)
        dequeue(&runqs[from], from, t);
    spin_unlock(&runqs[from].lock);
    if (!t)
        return false;
    spin_lock(&runqs[own].lock);
    enqueue(&runqs[own], own, t);
    spin_unlock(&runqs[own].lock);
    return true;
}

void sched_init_cpu(void)
{
    struct percpu *cpu = this_cpu();
    struct thread *t = kzalloc(sizeof(*t));

    if (!t)
        panic("no memory for an idle thread");
    for (u32 i = 0; !cpu->index && i < MIN(boot.vcpus, RV_MAX_VCPUS); i++)
        list_init(&runqs[i].queue); /* before anybody can queue a thread there */
    cpu->current = cpu->idle = t;
    thread_setup(t, "idle");
    t->state = THREAD_RUNNING;
    t->cpu = cpu->index;
    t->on_cpu = 1;
    t->run_ns = THREAD_RUNS; /* since the clock's zero: see proc_cpu_time */
}

static bool has_work(const struct runq *rq, const struct rv_vcpu_page *page)
{
    return READ_ONCE(page->pending) || READ_ONCE(rq->length) || timers_due();
}

/*
 * Before halting: a thread that another vCPU makes runnable here within a moment costs two exits less.
 * Not where ring 0 is emulated: nothing is a moment there.
 */
static bool poll_for_work(const struct runq *rq, const struct rv_vcpu_page *page)
{
    u64 begin, ticks = boot.clock->tsc_khz * POLL_US / 1000;

    if (ncpus == 1 || cpu_features.emulated)
        return false;
    begin = cpu_tsc();
    do {
        if (has_work(rq, page))
            return true;
        cpu_relax();
    } while (cpu_tsc() - begin < ticks);
    return false;
}

void sched_idle_loop(void)
{
    struct rv_vcpu_page *page = this_cpu()->page;
    struct runq *rq = own_queue();

    for (;;) {
        if (READ_ONCE(page->pending) || timers_due())
            sched_pending();
        if (READ_ONCE(rq->length) || (ncpus > 1 && steal())) {
            requeue_current();
            if (READ_ONCE(rq->length)) /* nobody who may run here, or somebody new */
                send_strays(rq);
            continue;
        }
        tlb_switch(NULL);
        __atomic_store_n(&rq->idle, true, __ATOMIC_SEQ_CST);
        if (!poll_for_work(rq, page)) {
            __atomic_store_n(&rq->halts, true, __ATOMIC_SEQ_CST);
            __atomic_store_n(&page->idle, 1, __ATOMIC_SEQ_CST);
            if (!has_work(rq, page))
                cpu_halt();
            __atomic_store_n(&page->idle, 0, __ATOMIC_SEQ_CST);
            __atomic_store_n(&rq->halts, false, __ATOMIC_SEQ_CST);
        }
        __atomic_store_n(&rq->idle, false, __ATOMIC_SEQ_CST);
    }
}
