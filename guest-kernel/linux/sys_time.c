/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and sleeping. */
#include "linux/abi_time.h"
#include "linux/clock.h"
#include "linux/syscall.h"
#include "object/process.h"
#include "sched/sched.h"

#include <linux/time.h>

#define TICKS_PER_SEC 100u

/*
 * CPU clocks of other processes and threads, clock_getcpuclockid(3): the number is in the upper bits,
 * inverted; of the lower ones two tell the kind, all three of which are one here.
 */
#define CPUCLOCK_THREAD 4
#define CPUCLOCK_KIND   3

static s64 cpu_clock(int id, u64 *ns)
{
    int nr = ~(id >> 3);

    if ((id & CPUCLOCK_KIND) == CPUCLOCK_KIND)
        return -EINVAL;
    if (id & CPUCLOCK_THREAD) {
        struct thread *t = nr ? thread_find((u32)nr) : NULL;

        if (nr && (!t || t->proc != process_current())) {
            if (t)
                object_unref(&t->obj);
            return -EINVAL;
        }
        *ns = thread_time(t ? t : current());
        if (t)
            object_unref(&t->obj);
    } else {
        struct process *p = nr ? process_find((u32)nr) : NULL;

        if (nr && !p)
            return -EINVAL;
        *ns = process_cputime(p ? p : process_current());
        if (p)
            object_unref(&p->obj);
    }
    return 0;
}

static s64 read_clock(int id, u64 *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = time_real();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
        *ns = time_mono();
        return 0;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = time_boot();
        return 0;
    case CLOCK_REALTIME_ALARM:
        *ns = time_real();
        return 0;
    case CLOCK_TAI:
        *ns = time_real();
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = thread_time(current());
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
        *ns = process_cputime(process_current());
        return 0;
    default:
        return id < 0 ? cpu_clock(id, ns) : -EINVAL;
    }
}

u64 clock_now(int id)
{
    u64 ns = 0;

    read_clock(id, &ns);
    return ns;
}

int clock_of_own_cpu(int id, struct thread **thread)
{
    struct thread *t;
    int nr = ~(id >> 3);

    *thread = NULL;
    if (id == CLOCK_PROCESS_CPUTIME_ID)
        return 0;
    if (id != CLOCK_THREAD_CPUTIME_ID && (id >= 0 || (id & CPUCLOCK_KIND) == CPUCLOCK_KIND))
        return -EINVAL;
    if (id < 0 && !(id & CPUCLOCK_THREAD))
        return !nr || (u32)nr == process_current()->pid ? 0 : -EINVAL;
    if (id == CLOCK_THREAD_CPUTIME_ID || !nr) {
        t = current();
        object_ref(&t->obj);
    } else {
        t = thread_find((u32)nr);
    }
    if (!t || t->proc != process_current()) {
        if (t)
            object_unref(&t->obj);
        return -EINVAL;
    }
    *thread = t;
    return 0;
}

s64 sys_clock_gettime(int id, u64 to)
{
    u64 ns;
    s64 r = read_clock(id, &ns);

    return r ? r : put_timespec(to, ns);
}

s64 sys_clock_getres(int id, u64 to)
{
    u64 ns;
    s64 r = read_clock(id, &ns);

    bool coarse = id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;

    if (r || !to)
        return r;
    return put_timespec(to, coarse ? 4000000 : 1);
}

s64 sys_clock_settime(int id, u64 from)
{
    u64 ns;
    s64 r = get_timespec_ns(from, &ns);

    if (r)
        return r;
    return id == CLOCK_REALTIME ? -EPERM : -EINVAL;
}

s64 sys_settimeofday(u64 tv_from, u64 tz_from)
{
    struct abi_timeval tv;
    u32 zone[2];

    if ((tv_from && copy_from_user(&tv, tv_from, sizeof(tv))) ||
        (tz_from && copy_from_user(zone, tz_from, sizeof(zone))))
        return -EFAULT;
    if (tv_from && (tv.usec < 0 || tv.usec >= 1000000 || tv.sec < 0))
        return -EINVAL;
    return -EPERM;
}

s64 sys_gettimeofday(u64 tv_to, u64 tz_to)
{
    struct abi_timeval tv = ns_to_timeval(time_real());
    u32 zone[2] = { 0, 0 };

    if (tv_to && copy_to_user(tv_to, &tv, sizeof(tv)))
        return -EFAULT;
    return tz_to && copy_to_user(tz_to, zone, sizeof(zone)) ? -EFAULT : 0;
}

s64 sys_time(u64 to)
{
    s64 now = (s64)(time_real() / NSEC_PER_SEC);

    return to && copy_to_user(to, &now, sizeof(now)) ? -EFAULT : now;
}

s64 sys_times(u64 to)
{
    struct process *p = process_current();
    struct usage self, children;
    s64 t[4];

    process_usage(p, &self);
    spin_lock(&process_tree_lock);
    children = p->children_used;
    spin_unlock(&process_tree_lock);
    t[0] = (s64)(self.cpu.user / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[1] = (s64)(self.cpu.system / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[2] = (s64)(children.cpu.user / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[3] = (s64)(children.cpu.system / (NSEC_PER_SEC / TICKS_PER_SEC));
    if (to && copy_to_user(to, t, sizeof(t)))
        return -EFAULT;
    return (s64)(time_mono() / (NSEC_PER_SEC / TICKS_PER_SEC));
}

/* --- sleeping --------------------------------------------------------------------------------- */

static s64 sleep_for(u64 ns, u64 rem_to)
{
    u64 deadline = restart_deadline(ns), now;

    if (object_wait_many(NULL, 0, MAX(deadline, UINT64_C(1)), WAIT_INTERRUPTIBLE) != -EINTR)
        return 0;
    now = time_mono();
    if (now >= deadline)
        return 0;
    if (rem_to && put_timespec(rem_to, deadline - now))
        return -EFAULT;
    return restart_later(deadline);
}

s64 sys_nanosleep(u64 req, u64 rem_to)
{
    u64 ns;
    s64 r = get_timespec_ns(req, &ns);

    return r ? r : sleep_for(ns, rem_to);
}

struct cpu_sleeper {
    struct cpu_timer timer;
    struct event over;
};

static bool cpu_sleep_over(struct cpu_timer *t, struct process *p UNUSED)
{
    event_set(&container_of(t, struct cpu_sleeper, timer)->over);
    return false;
}

/* Until the clock of the thread, or of the process, has come to *at; -EINTR before that. */
static int cpu_sleep_until(struct thread *t, u64 at)
{
    struct process *p = process_current();
    struct cpu_sleeper s;
    int r;

    cpu_timer_init(&s.timer, t, cpu_sleep_over);
    event_init(&s.over);
    spin_lock(&p->lock);
    cpu_timer_arm(p, &s.timer, at);
    spin_unlock(&p->lock);
    r = object_wait(&s.over.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
    /* Who sets the event holds the lock: after this it is not touched any more. */
    spin_lock(&p->lock);
    cpu_timer_disarm(&s.timer);
    spin_unlock(&p->lock);
    return r;
}

static u64 cpu_time(struct thread *t)
{
    return t ? thread_time(t) : process_cputime(process_current());
}

/* clock_nanosleep(2) on a CPU clock of the current process, but not on the thread's own. */
static s64 cpu_sleep(struct thread *t, bool absolute, u64 ns, u64 rem_to)
{
    u64 now = cpu_time(t), at = absolute ? ns : now + MIN(ns, THREAD_RUNS);

    if (!absolute)
        at = restart_kept(at);
    if (at <= now)
        return 0;
    if (cpu_sleep_until(t, at) != -EINTR)
        return 0;
    now = cpu_time(t);
    if (now >= at)
        return 0;
    if (absolute)
        return -ERESTART_NOHAND;
    if (rem_to && put_timespec(rem_to, at - now))
        return -EFAULT;
    return restart_later(at);
}

static s64 sleep_on_cpu_clock(int id, int flags, u64 req, u64 rem_to)
{
    struct thread *t;
    u64 ns;
    s64 r = clock_of_own_cpu(id, &t);

    if (r)
        return r;
    r = get_timespec_ns(req, &ns);
    if (r == 0)
        r = t == current() ? -EINVAL : cpu_sleep(t, flags & TIMER_ABSTIME, ns, rem_to);
    if (t)
        object_unref(&t->obj);
    return r;
}

s64 sys_clock_nanosleep(int id, int flags, u64 req, u64 rem_to)
{
    u64 ns, now;
    s64 r;

    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        break;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        return sleep_on_cpu_clock(id, flags, req, rem_to);
    }
    r = get_timespec_ns(req, &ns);
    if (r)
        return r;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(ns, rem_to);
    read_clock(id, &now);
    if (ns <= now)
        return 0;
    if (object_wait_many(NULL, 0, deadline_after(ns - now), WAIT_INTERRUPTIBLE) == -EINTR)
        return -ERESTART_NOHAND;
    return 0;
}
