/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of timer_create(2): see posix_timer.h. */
#include "object/posix_timer.h"

#include "core/string.h"
#include "core/time.h"
#include "mm/slab.h"
#include "object/process.h"

#include <asm/resource.h>

#define IGNORED_STEP UINT64_C(1000000) /* ns: a timer whose signal nobody hears is not more frequent */

/* All under process.lock but what is set at creation. */
struct posix_timer {
    struct process *proc;
    u32 id;
    struct posix_timer_setup setup; /* with references on its threads */
    struct timer timer;             /* one of these two */
    struct cpu_timer cpu;
    struct sig_timer sig;
    u64 deadline, interval;         /* 0: off, once */
    u64 late;                       /* ns by which the deadline is too late: see posix_timer_set */
    bool waits;                     /* it has expired and goes on when its signal is taken */
    u64 overrun;                    /* so far, for the signal that is pending */
    u64 last_overrun;               /* of the signal that was taken last */
};

static struct posix_timer *find(struct process *p, int id)
{
    return id < 0 ? NULL : (struct posix_timer *)radix_get(&p->posix_timers, (u32)id);
}

static u64 now_of(const struct posix_timer *t)
{
    if (!t->setup.on_cpu)
        return time_mono();
    return t->setup.clock_thread ? thread_time(t->setup.clock_thread) : cputime_of(t->proc);
}

static void arm(struct posix_timer *t)
{
    if (t->setup.on_cpu)
        cpu_timer_arm(t->proc, &t->cpu, t->deadline);
    else
        timer_arm(&t->timer, t->deadline);
}

/* Move a periodic timer's deadline beyond `now`; how many intervals it skipped. */
static u64 forward(struct posix_timer *t, u64 now)
{
    u64 past = now - t->deadline + t->late;

    t->late = 0;
    t->deadline = now - past % t->interval + t->interval;
    return past / t->interval;
}

static void expire(struct posix_timer *t)
{
    struct thread *to = t->setup.to;
    struct sig_info info;

    if (t->sig.in) { /* still that of before it was set anew */
        t->overrun++;
    } else {
        memset(&info, 0, sizeof(info));
        info.signo = t->setup.signo;
        info.code = SIC_TIMER;
        info.timer.id = (s32)t->id;
        info.timer.value = t->setup.value_is_id ? t->id : t->setup.value;
        signal_timer_send(&t->sig, t->proc, to, &info);
    }
    t->waits = t->interval && t->sig.in;
    if (t->waits)
        return;
    if (!t->interval || (to && list_empty(&to->proc_node))) {
        t->deadline = 0;
        return;
    }
    forward(t, MAX(t->deadline, now_of(t) + IGNORED_STEP));
    arm(t);
}

static void taken(struct sig_timer *sig, struct sig_info *info)
{
    struct posix_timer *t = container_of(sig, struct posix_timer, sig);

    t->last_overrun = t->overrun;
    t->overrun = 0;
    if (t->waits) {
        t->waits = false;
        t->last_overrun += forward(t, MAX(t->deadline, now_of(t)));
        arm(t);
    }
    if (info)
        info->timer.overrun = (s32)MIN(t->last_overrun, (u64)INT32_MAX);
}

static void fire(struct timer *timer)
{
    struct posix_timer *t = container_of(timer, struct posix_timer, timer);

    spin_lock(&t->proc->lock);
    if (t->deadline && !t->waits && t->deadline <= time_mono())
        expire(t);
    spin_unlock(&t->proc->lock);
}

static bool cpu_fire(struct cpu_timer *cpu, struct process *p UNUSED)
{
    expire(container_of(cpu, struct posix_timer, cpu));
    return false; /* it has armed itself, if it is to go on */
}

/* --- creation and end ------------------------------------------------------------------------- */

static void free_timer(struct posix_timer *t)
{
    if (t->setup.clock_thread)
        object_unref(&t->setup.clock_thread->obj);
    if (t->setup.to)
        object_unref(&t->setup.to->obj);
    kfree(t);
}

/* Numbers are used again only once all have been used. */
static s64 enter(struct process *p, struct posix_timer *t)
{
    if (p->nposix_timers >= p->rlimits[RLIMIT_SIGPENDING].cur || p->nposix_timers == INT32_MAX)
        return -EAGAIN;
    do
        t->id = p->next_posix_timer++ & INT32_MAX;
    while (find(p, (int)t->id));
    if (radix_set(&p->posix_timers, t->id, (u64)t))
        return -ENOMEM;
    p->nposix_timers++;
    return t->id;
}

s64 posix_timer_create(const struct posix_timer_setup *setup)
{
    struct process *p = process_current();
    struct posix_timer *t = kzalloc(sizeof(*t));
    s64 id;

    if (!t)
        return -ENOMEM;
    if (signal_timer_init(&t->sig, taken)) {
        kfree(t);
        return -ENOMEM;
    }
    t->proc = p;
    t->setup = *setup;
    if (setup->clock_thread)
        object_ref(&setup->clock_thread->obj);
    if (setup->to)
        object_ref(&setup->to->obj);
    timer_init(&t->timer, fire);
    cpu_timer_init(&t->cpu, setup->clock_thread, cpu_fire);
    spin_lock(&p->lock);
    id = enter(p, t);
    if (id < 0)
        signal_timer_end(&t->sig);
    spin_unlock(&p->lock);
    if (id < 0)
        free_timer(t);
    return id;
}

static int end(struct process *p, int id)
{
    struct posix_timer *t;

    spin_lock(&p->lock);
    t = find(p, id);
    if (!t) {
        spin_unlock(&p->lock);
        return -EINVAL;
    }
    radix_set(&p->posix_timers, t->id, 0);
    radix_trim(&p->posix_timers, t->id, (u64)t->id + 1); /* numbers go on and on */
    p->nposix_timers--;
    t->deadline = 0;
    cpu_timer_disarm(&t->cpu);
    signal_timer_end(&t->sig);
    spin_unlock(&p->lock);
    timer_cancel(&t->timer); /* a fire in progress finds it off */
    free_timer(t);
    return 0;
}

int posix_timer_delete(int id)
{
    return end(process_current(), id);
}

void posix_timers_end(struct process *p)
{
    for (u64 id = 0; radix_next(&p->posix_timers, &id); id++)
        end(p, (int)id);
    radix_clear(&p->posix_timers);
}

/* --- use -------------------------------------------------------------------------------------- */

int posix_timer_clock(int id, int *clock, bool *on_cpu)
{
    struct process *p = process_current();
    struct posix_timer *t;

    spin_lock(&p->lock);
    t = find(p, id);
    if (t) {
        *clock = t->setup.clock;
        *on_cpu = t->setup.on_cpu;
    }
    spin_unlock(&p->lock);
    return t ? 0 : -EINVAL;
}

static void read_state(const struct posix_timer *t, struct posix_timer_state *s)
{
    u64 now = now_of(t);

    *s = (struct posix_timer_state){ .interval = t->interval };
    if (!t->deadline)
        return;
    if (t->deadline > now)
        s->left = t->deadline - now;
    else if (t->waits || !t->setup.signo) /* it is as if it had gone on */
        s->left = t->interval ? t->interval - (now - t->deadline + t->late) % t->interval : 0;
    else
        s->left = 1;
}

int posix_timer_get(int id, struct posix_timer_state *now)
{
    struct process *p = process_current();
    struct posix_timer *t;

    spin_lock(&p->lock);
    t = find(p, id);
    if (t)
        read_state(t, now);
    spin_unlock(&p->lock);
    return t ? 0 : -EINVAL;
}

int posix_timer_set(int id, u64 value, bool absolute, u64 interval, u64 late,
                    struct posix_timer_state *old)
{
    struct process *p = process_current();
    struct posix_timer *t;

    spin_lock(&p->lock);
    t = find(p, id);
    if (t) {
        read_state(t, old);
        cpu_timer_disarm(&t->cpu);
        t->deadline = value && !absolute ? now_of(t) + MIN(value, THREAD_RUNS) : value;
        t->interval = interval;
        t->late = late;
        t->waits = false;
        t->overrun = t->last_overrun = 0;
        if (t->deadline && t->setup.signo)
            arm(t);
    }
    spin_unlock(&p->lock);
    return t ? 0 : -EINVAL;
}

s64 posix_timer_overrun(int id)
{
    struct process *p = process_current();
    struct posix_timer *t;
    s64 n = -EINVAL;

    spin_lock(&p->lock);
    t = find(p, id);
    if (t)
        n = (s64)MIN(t->last_overrun, (u64)INT32_MAX);
    spin_unlock(&p->lock);
    return n;
}
