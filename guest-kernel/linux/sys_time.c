/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, sleeping, and the process's interval timer. */
#include "linux/abi_time.h"
#include "linux/syscall.h"
#include "object/process.h"
#include "sched/sched.h"

#include <linux/time.h>

#define TICKS_PER_SEC 100u

/* CPU-time clocks of other processes and threads: the number is in the upper bits, inverted. */
#define CPUCLOCK_THREAD 4

static s64 cpu_clock(int id, u64 *ns)
{
    int nr = ~(id >> 3);
    struct usage u;

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
        process_usage(p ? p : process_current(), &u);
        if (p)
            object_unref(&p->obj);
        *ns = u.utime + u.stime;
    }
    return 0;
}

static s64 read_clock(int id, u64 *ns)
{
    struct usage u;

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
        process_usage(process_current(), &u);
        *ns = u.utime + u.stime;
        return 0;
    default:
        return id < 0 ? cpu_clock(id, ns) : -EINVAL;
    }
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
    t[0] = (s64)(self.utime / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[1] = (s64)(self.stime / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[2] = (s64)(children.utime / (NSEC_PER_SEC / TICKS_PER_SEC));
    t[3] = (s64)(children.stime / (NSEC_PER_SEC / TICKS_PER_SEC));
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

s64 sys_clock_nanosleep(int id, int flags, u64 req, u64 rem_to)
{
    u64 ns, now;
    s64 r;

    if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME && id != CLOCK_TAI)
        return id == CLOCK_PROCESS_CPUTIME_ID ? -EOPNOTSUPP : -EINVAL;
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

/* --- interval timer --------------------------------------------------------------------------- */

/* Set ITIMER_REAL; the old remaining time and interval come back. */
static void set_alarm(u64 ns, u64 interval, u64 *old_ns, u64 *old_interval)
{
    struct process *p = process_current();
    u64 now = time_mono();

    spin_lock(&p->lock);
    *old_ns = !p->alarm_deadline ? 0 : p->alarm_deadline > now ? p->alarm_deadline - now : 1;
    *old_interval = p->alarm_interval;
    p->alarm_interval = interval;
    p->alarm_deadline = ns ? deadline_after(ns) : 0;
    if (ns)
        timer_arm(&p->alarm, p->alarm_deadline);
    spin_unlock(&p->lock);
    /* A fire in progress finds alarm_deadline 0 and does nothing. */
    if (!ns)
        timer_cancel(&p->alarm);
}

s64 sys_alarm(u32 seconds)
{
    u64 ns, interval;

    set_alarm(seconds * NSEC_PER_SEC, 0, &ns, &interval);
    return (s64)((ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}

static s64 put_itimer(u64 to, u64 ns, u64 interval)
{
    struct abi_timeval tv[2] = { ns_to_timeval(interval), ns_to_timeval(ns) };

    if (ns && !tv[1].sec && !tv[1].usec)
        tv[1].usec = 1;
    return copy_to_user(to, tv, sizeof(tv)) ? -EFAULT : 0;
}

s64 sys_setitimer(int which, u64 new, u64 old)
{
    struct abi_timeval tv[2] = { { 0, 0 }, { 0, 0 } };
    u64 ns, interval, old_ns, old_interval;
    int r;

    if (which != ITIMER_REAL)
        return -EINVAL;
    if (new && copy_from_user(tv, new, sizeof(tv)))
        return -EFAULT;
    r = timeval_to_ns(&tv[0], &interval);
    if (r == 0)
        r = timeval_to_ns(&tv[1], &ns);
    if (r)
        return r;
    set_alarm(ns, interval, &old_ns, &old_interval);
    return old ? put_itimer(old, old_ns, old_interval) : 0;
}

s64 sys_getitimer(int which, u64 to)
{
    struct process *p = process_current();
    u64 ns = 0, interval, now = time_mono();

    if (which != ITIMER_REAL)
        return -EINVAL;
    spin_lock(&p->lock);
    if (p->alarm_deadline)
        ns = p->alarm_deadline > now ? p->alarm_deadline - now : 1;
    interval = p->alarm_interval;
    spin_unlock(&p->lock);
    return put_itimer(to, ns, interval);
}
