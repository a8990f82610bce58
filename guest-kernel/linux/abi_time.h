/* SPDX-License-Identifier: Apache-2.0 */
/* struct timespec and timeval of the ABI, and times of the kernel (ns, 64 bits). */
#ifndef LINUX_ABI_TIME_H
#define LINUX_ABI_TIME_H

#include "core/park.h"
#include "core/time.h"
#include "mm/usercopy.h"

struct abi_timespec {
    s64 sec, nsec;
};

struct abi_timeval {
    s64 sec, usec;
};

/* The longest time, as on Linux: a deadline that has passed and a period, added, are still one. */
#define NS_MAX ((u64)INT64_MAX)

/* 0 with ns (capped at NS_MAX), or -EINVAL: negative or nsec out of range. */
static inline int timespec_to_ns(const struct abi_timespec *ts, u64 *ns)
{
    if (ts->sec < 0 || (u64)ts->nsec >= NSEC_PER_SEC)
        return -EINVAL;
    if ((u64)ts->sec >= NS_MAX / NSEC_PER_SEC)
        *ns = NS_MAX;
    else
        *ns = (u64)ts->sec * NSEC_PER_SEC + (u64)ts->nsec;
    return 0;
}

static inline int timeval_to_ns(const struct abi_timeval *tv, u64 *ns)
{
    struct abi_timespec ts = { tv->sec, tv->usec * 1000 };

    if ((u64)tv->usec >= 1000000)
        return -EINVAL;
    return timespec_to_ns(&ts, ns);
}

static inline struct abi_timespec ns_to_timespec(u64 ns)
{
    return (struct abi_timespec){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };
}

static inline struct abi_timeval ns_to_timeval(u64 ns)
{
    return (struct abi_timeval){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };
}

static inline int get_timespec_ns(u64 addr, u64 *ns)
{
    struct abi_timespec ts;

    return copy_from_user(&ts, addr, sizeof(ts)) ? -EFAULT : timespec_to_ns(&ts, ns);
}

/* struct itimerspec. 0, -EFAULT or -EINVAL. */
static inline int get_itimerspec_ns(u64 addr, u64 *interval, u64 *value)
{
    struct abi_timespec ts[2];
    int r;

    if (copy_from_user(ts, addr, sizeof(ts)))
        return -EFAULT;
    r = timespec_to_ns(&ts[0], interval);
    return r ? r : timespec_to_ns(&ts[1], value);
}

static inline int put_timespec(u64 addr, u64 ns)
{
    struct abi_timespec ts = ns_to_timespec(ns);

    return copy_to_user(addr, &ts, sizeof(ts));
}

/* The deadline ns from now. */
static inline u64 deadline_after(u64 ns)
{
    u64 now = time_mono();

    return ns > UINT64_MAX - 1 - now ? DEADLINE_NEVER : now + ns;
}

#endif
