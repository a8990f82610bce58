/* SPDX-License-Identifier: Apache-2.0 */
/* Timers that send signals: setitimer(2), alarm(2), timer_create(2). */
#include "linux/abi_time.h"
#include "linux/clock.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "object/posix_timer.h"
#include "object/process.h"

#include <linux/time.h>

/* sigev_notify of sigevent(3type); SIGEV_THREAD is the C library's and like SIGEV_SIGNAL here. */
#define SIGEV_SIGNAL_    0
#define SIGEV_NONE_      1
#define SIGEV_THREAD_    2
#define SIGEV_THREAD_ID_ 4

/* --- interval timers -------------------------------------------------------------------------- */

/* What is left comes back to the nearest second, but not as 0, which says that there was none. */
s64 sys_alarm(u32 seconds)
{
    struct process *p = process_current();
    u64 left, interval;

    spin_lock(&p->lock);
    alarm_get(p, &left, &interval);
    alarm_set(p, seconds * NSEC_PER_SEC, 0);
    spin_unlock(&p->lock);
    return left && left < NSEC_PER_SEC ? 1 : (s64)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}

static s64 put_itimer(u64 to, u64 ns, u64 interval)
{
    struct abi_timeval tv[2] = { ns_to_timeval(interval), ns_to_timeval(ns) };

    if (ns && !tv[1].sec && !tv[1].usec)
        tv[1].usec = 1;
    return copy_to_user(to, tv, sizeof(tv)) ? -EFAULT : 0;
}

STATIC_ASSERT(ITIMER_VIRTUAL == 1 && ITIMER_PROF == 2); /* the order of process.cpu_itimers */

/* process.lock held */
static void get_itimer(struct process *p, int which, u64 *left, u64 *interval)
{
    if (which == ITIMER_REAL)
        alarm_get(p, left, interval);
    else
        cpu_itimer_get(p, &p->cpu_itimers[which - 1], left, interval);
}

s64 sys_setitimer(int which, u64 new, u64 old)
{
    struct abi_timeval tv[2] = { { 0, 0 }, { 0, 0 } };
    u64 ns, interval, old_ns, old_interval;
    struct process *p = process_current();
    int r;

    if (new && copy_from_user(tv, new, sizeof(tv)))
        return -EFAULT;
    r = timeval_to_ns(&tv[0], &interval);
    if (r == 0)
        r = timeval_to_ns(&tv[1], &ns);
    if (r)
        return r;
    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    spin_lock(&p->lock);
    get_itimer(p, which, &old_ns, &old_interval);
    if (which == ITIMER_REAL)
        alarm_set(p, ns, interval);
    else
        cpu_itimer_set(p, &p->cpu_itimers[which - 1], ns, interval);
    spin_unlock(&p->lock);
    return old ? put_itimer(old, old_ns, old_interval) : 0;
}

s64 sys_getitimer(int which, u64 to)
{
    struct process *p = process_current();
    u64 ns, interval;

    if (which < ITIMER_REAL || which > ITIMER_PROF)
        return -EINVAL;
    spin_lock(&p->lock);
    get_itimer(p, which, &ns, &interval);
    spin_unlock(&p->lock);
    return put_itimer(to, ns, interval);
}

/* --- POSIX timers ----------------------------------------------------------------------------- */

/* The first bytes of the ABI's struct sigevent, which has 64. */
struct abi_sigevent {
    u64 value;
    s32 signo, notify, tid;
};

/* What clocks timers can have: 0, -EINVAL, -EOPNOTSUPP, -EPERM. */
static int check_clock(int id, struct posix_timer_setup *s)
{
    s->clock = id;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        return 0;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
        return cred_capable(CAP_WAKE_ALARM_) ? 0 : -EPERM;
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        s->on_cpu = true;
        return clock_of_own_cpu(id, &s->clock_thread);
    }
}

static int read_sigevent(u64 from, struct posix_timer_setup *s)
{
    struct abi_sigevent ev = { .signo = SIGALRM };

    s->value_is_id = !from;
    if (from && copy_from_user(&ev, from, sizeof(ev)))
        return -EFAULT;
    switch (ev.notify) {
    case SIGEV_THREAD_ID_:
        s->to = ev.tid > 0 ? thread_find((u32)ev.tid) : NULL;
        if (!s->to || s->to->proc != process_current())
            return -EINVAL;
        break;
    case SIGEV_NONE_:
        return 0;
    case SIGEV_SIGNAL_:
    case SIGEV_THREAD_:
        break;
    default:
        return -EINVAL;
    }
    if (ev.signo < 1 || ev.signo > SIG_COUNT)
        return -EINVAL;
    s->signo = ev.signo;
    s->value = ev.value;
    return 0;
}

s64 sys_timer_create(int clock, u64 event, u64 id_to)
{
    struct posix_timer_setup s = { .on_cpu = false };
    s64 id = check_clock(clock, &s);
    s32 nr;

    if (id == 0)
        id = read_sigevent(event, &s);
    if (id == 0)
        id = posix_timer_create(&s);
    if (s.clock_thread)
        object_unref(&s.clock_thread->obj);
    if (s.to)
        object_unref(&s.to->obj);
    if (id < 0)
        return id;
    nr = (s32)id;
    if (copy_to_user(id_to, &nr, sizeof(nr))) {
        posix_timer_delete(nr);
        return -EFAULT;
    }
    return 0;
}

static s64 put_state(u64 to, const struct posix_timer_state *s)
{
    struct abi_timespec ts[2] = { ns_to_timespec(s->interval), ns_to_timespec(s->left) };

    return copy_to_user(to, ts, sizeof(ts)) ? -EFAULT : 0;
}

/*
 * The monotonic clock at `value` of another one, or in so many ns; how late it is, if that was before. A
 * clock that is set later does not move it.
 */
static u64 mono_deadline(int clock, u64 value, bool absolute, u64 *late)
{
    u64 now = absolute ? clock_now(clock) : 0;

    *late = value < now ? now - value : 0;
    return MAX(deadline_after(value > now ? value - now : 0), UINT64_C(1));
}

s64 sys_timer_settime(int id, int flags, u64 new, u64 old)
{
    struct posix_timer_state before;
    bool absolute = flags & TIMER_ABSTIME, on_cpu;
    u64 value, interval, late = 0;
    int clock;
    s64 r;

    if (!new)
        return -EINVAL;
    r = get_itimerspec_ns(new, &interval, &value);
    if (r == 0)
        r = posix_timer_clock(id, &clock, &on_cpu);
    if (r)
        return r;
    if (value && !on_cpu) {
        value = mono_deadline(clock, value, absolute, &late);
        absolute = true;
    }
    r = posix_timer_set(id, value, absolute, interval, late, &before);
    return r == 0 && old ? put_state(old, &before) : r;
}

s64 sys_timer_gettime(int id, u64 to)
{
    struct posix_timer_state now;
    s64 r = posix_timer_get(id, &now);

    return r ? r : put_state(to, &now);
}

s64 sys_timer_getoverrun(int id)
{
    return posix_timer_overrun(id);
}

s64 sys_timer_delete(int id)
{
    return posix_timer_delete(id);
}
