/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines on CPU clocks: see cputime.h. */
#include "object/cputime.h"

#include "arch/percpu.h"
#include "core/time.h"
#include "core/timer.h"
#include "object/process_impl.h"

#include <asm/resource.h>

#define STEP UINT64_C(1000000) /* ns: no look is sooner than this */

static void look_again(struct timer *t UNUSED)
{
    cputime_look(); /* at whom runs now, perhaps another than who armed it */
}

/* Each is armed by its own vCPU only. */
static struct timer look_timer[RV_MAX_VCPUS] = {
    [0 ... RV_MAX_VCPUS - 1] = { .fire = look_again },
};

void cpu_timer_init(struct cpu_timer *t, struct thread *thread,
                    bool (*fire)(struct cpu_timer *t, struct process *p))
{
    list_init(&t->node);
    t->thread = thread;
    t->user = false;
    t->deadline = 0;
    t->fire = fire;
}

u64 cputime_of(struct process *p)
{
    u64 sum = p->dead_threads.time;
    struct thread *t;

    list_for_each(t, &p->threads, proc_node)
        sum += thread_time(t);
    return sum;
}

u64 process_cputime(struct process *p)
{
    u64 ns;

    spin_lock(&p->lock);
    ns = cputime_of(p);
    spin_unlock(&p->lock);
    return ns;
}

/* Tell those who run now that there is something to look at; others look where they begin to run. */
static void watch(struct process *p)
{
    struct thread *t;

    p->cpu_watched = true;
    list_for_each(t, &p->threads, proc_node)
        thread_set_work(t, WORK_CPUTIME);
}

void cpu_timer_arm(struct process *p, struct cpu_timer *t, u64 deadline)
{
    list_del(&t->node);
    t->deadline = deadline;
    list_add_tail(&p->cpu_timers, &t->node);
    watch(p);
}

void cpu_timer_disarm(struct cpu_timer *t)
{
    list_del(&t->node);
}

void cputime_limit_changed(struct process *p)
{
    if (p->rlimits[RLIMIT_CPU].cur != RLIMIT_UNLIMITED)
        watch(p);
}

/* setrlimit(2): SIGXCPU at the soft limit and each second after it, SIGKILL at the hard limit. */
static void check_limit(struct process *p, u64 used)
{
    struct rlimit_value *l = &p->rlimits[RLIMIT_CPU];
    struct sig_info info;

    if (l->cur == RLIMIT_UNLIMITED)
        return;
    if (l->max != RLIMIT_UNLIMITED && used / NSEC_PER_SEC >= l->max) {
        sig_info_kernel(&info, SIGKILL);
        signal_send_locked(p, NULL, &info, SIG_FORCE_INIT);
    } else if (used / NSEC_PER_SEC >= l->cur) {
        sig_info_kernel(&info, SIGXCPU);
        signal_send_locked(p, NULL, &info, 0);
        l->cur = used / NSEC_PER_SEC + 1; /* as Linux, which getrlimit shows */
    }
}

/* What the timer's clock shows; used: cputime_of(p). */
static u64 clock_of(struct process *p, const struct cpu_timer *c, u64 used)
{
    struct usage u;

    if (c->thread)
        return thread_time(c->thread);
    if (!c->user)
        return used;
    process_usage_locked(p, &u);
    return u.cpu.user;
}

static void fire_due(struct process *p, u64 used)
{
    struct cpu_timer *c, *tmp;
    struct list due;

    list_init(&due);
    list_for_each_safe(c, tmp, &p->cpu_timers, node) {
        if (clock_of(p, c, used) >= c->deadline) {
            list_del(&c->node);
            list_add_tail(&due, &c->node);
        }
    }
    while (!list_empty(&due)) {
        c = list_first(&due, struct cpu_timer, node);
        list_del(&c->node);
        if (c->fire(c, p))
            list_add_tail(&p->cpu_timers, &c->node);
    }
}

/* CPU time of the current thread until something may be due; DEADLINE_NEVER: nothing ever is. */
static u64 time_left(struct process *p, u64 used)
{
    struct thread *me = current();
    u64 left = DEADLINE_NEVER, all = DEADLINE_NEVER, limit;
    struct cpu_timer *c;

    list_for_each(c, &p->cpu_timers, node) {
        u64 of_this = c->deadline - MIN(clock_of(p, c, used), c->deadline);

        if (!c->thread)
            all = MIN(all, of_this);
        else if (c->thread == me)
            left = MIN(left, of_this);
    }
    limit = p->rlimits[RLIMIT_CPU].cur;
    if (limit < DEADLINE_NEVER / NSEC_PER_SEC)
        all = MIN(all, limit * NSEC_PER_SEC - MIN(used, limit * NSEC_PER_SEC));
    if (all != DEADLINE_NEVER) /* as many threads as this may be using it up */
        left = MIN(left, all / MAX(MIN(p->nthreads, ncpus), 1u));
    return left;
}

void cputime_look(void)
{
    struct process *p = current()->proc;
    u64 used, left, now;

    if (!p || !READ_ONCE(p->cpu_watched))
        return;
    spin_lock(&p->lock);
    used = cputime_of(p);
    if (!p->group_exit) {
        check_limit(p, used);
        fire_due(p, used);
    }
    left = time_left(p, used);
    if (list_empty(&p->cpu_timers) && left == DEADLINE_NEVER)
        p->cpu_watched = false;
    spin_unlock(&p->lock);
    now = time_mono();
    if (left < DEADLINE_NEVER - now - STEP)
        timer_arm(&look_timer[this_cpu()->index], now + MAX(left, STEP));
}

/* --- setitimer -------------------------------------------------------------------------------- */

static bool itimer_fire(struct cpu_timer *timer, struct process *p)
{
    struct cpu_itimer *t = container_of(timer, struct cpu_itimer, timer);
    struct sig_info info;
    u64 used = clock_of(p, timer, cputime_of(p));

    sig_info_kernel(&info, t->signo);
    signal_send_locked(p, NULL, &info, 0);
    if (!t->interval)
        return false;
    timer->deadline += t->interval;
    if (timer->deadline <= used)
        timer->deadline += ((used - timer->deadline) / t->interval + 1) * t->interval;
    return true;
}

void cpu_itimer_init(struct cpu_itimer *t, int signo)
{
    cpu_timer_init(&t->timer, NULL, itimer_fire);
    t->timer.user = signo == SIGVTALRM;
    t->interval = 0;
    t->signo = signo;
}

void cpu_itimer_get(struct process *p, const struct cpu_itimer *t, u64 *left, u64 *interval)
{
    u64 used = clock_of(p, &t->timer, cputime_of(p));

    *left = list_empty(&t->timer.node) ? 0 : t->timer.deadline > used ? t->timer.deadline - used : 1;
    *interval = t->interval;
}

void cpu_itimer_set(struct process *p, struct cpu_itimer *t, u64 ns, u64 interval)
{
    u64 used = clock_of(p, &t->timer, cputime_of(p));

    t->interval = interval;
    if (ns)
        cpu_timer_arm(p, &t->timer, ns < THREAD_RUNS - used ? used + ns : THREAD_RUNS);
    else
        cpu_timer_disarm(&t->timer);
}
