/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd and timerfd: files over the counters of object/counter.h. */
#include "core/string.h"
#include "fs/file.h"
#include "linux/abi_time.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "object/counter.h"
#include "object/wait.h"

#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/timerfd.h>

#define EFD_SEMAPHORE_ 1

/* Take the value, waiting for it unless the file is non-blocking, and hand it out. */
static ssize_t read_counter(struct file *f, struct counter *c, struct uio *u)
{
    u64 value;
    int r;

    if (u->left < sizeof(value))
        return -EINVAL;
    while ((r = counter_take(c, &value)) == -EAGAIN && !(f->flags & O_NONBLOCK))
        if (object_wait(&f->obj, SIG_READABLE, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
            return -ERESTART;
    if (r)
        return r;
    return uio_to(u, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value) : -EFAULT;
}

/* --- eventfd ---------------------------------------------------------------------------------- */

static ssize_t eventfd_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    return read_counter(f, f->priv, u);
}

static ssize_t eventfd_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    u64 value;
    int r;

    if (u->left < sizeof(value))
        return -EINVAL;
    if (uio_from(u, &value, sizeof(value)) != sizeof(value))
        return -EFAULT;
    if (value == UINT64_MAX)
        return -EINVAL;
    while ((r = counter_add(f->priv, value)) == -EAGAIN && !(f->flags & O_NONBLOCK))
        if (object_wait(&f->obj, SIG_WRITABLE, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
            return -ERESTART;
    return r ? r : (ssize_t)sizeof(value);
}

static void eventfd_release(struct file *f)
{
    kfree(f->priv);
}

static const struct file_ops eventfd_ops = {
    .name = "[eventfd]", .read = eventfd_read, .write = eventfd_write, .release = eventfd_release,
};

s64 sys_eventfd2(u32 value, int flags)
{
    struct counter *c;
    struct file *f;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE_))
        return -EINVAL;
    c = kzalloc(sizeof(*c));
    f = c ? file_create(&eventfd_ops, O_RDWR | ((u32)flags & O_NONBLOCK), 0, c) : NULL;
    if (!f) {
        kfree(c);
        return -ENOMEM;
    }
    counter_init(c, &f->obj, value, flags & EFD_SEMAPHORE_);
    return fd_install(&f->obj, fd_rights(O_RDWR), flags & O_CLOEXEC, 0);
}

s64 sys_eventfd(u32 value)
{
    return sys_eventfd2(value, 0);
}

/* --- timerfd ---------------------------------------------------------------------------------- */

struct timerfd {
    struct timer_counter t;
    int clock;
};

static ssize_t timerfd_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    return read_counter(f, &((struct timerfd *)f->priv)->t.count, u);
}

static void timerfd_release(struct file *f)
{
    struct timerfd *t = f->priv;

    timer_counter_end(&t->t);
    kfree(t);
}

static const struct file_ops timerfd_ops = {
    .name = "[timerfd]", .read = timerfd_read, .release = timerfd_release,
};

s64 sys_timerfd_create(int clock, int flags)
{
    struct timerfd *t;
    struct file *f;

    if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) ||
        (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
         clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM))
        return -EINVAL;
    t = kzalloc(sizeof(*t));
    f = t ? file_create(&timerfd_ops, O_RDWR | ((u32)flags & O_NONBLOCK), 0, t) : NULL;
    if (!f) {
        kfree(t);
        return -ENOMEM;
    }
    t->clock = clock;
    timer_counter_init(&t->t, &f->obj);
    return fd_install(&f->obj, fd_rights(O_RDWR), flags & O_CLOEXEC, 0);
}

static int get_timerfd(int fd, struct file **f, struct timerfd **t)
{
    int r = fd_file(fd, 0, false, f);

    if (r)
        return r;
    if ((*f)->ops != &timerfd_ops) {
        file_put(*f);
        return -EINVAL;
    }
    *t = (*f)->priv;
    return 0;
}

static s64 put_setting(u64 to, u64 left, u64 interval)
{
    struct abi_timespec ts[2] = { ns_to_timespec(interval), ns_to_timespec(left) };

    return copy_to_user(to, ts, sizeof(ts)) ? -EFAULT : 0;
}

static u64 now_of(int clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_ALARM:
        return time_real();
    case CLOCK_MONOTONIC:
        return time_mono();
    default:
        return time_boot();
    }
}

s64 sys_timerfd_settime(int fd, int flags, u64 new, u64 old)
{
    u64 value, interval, deadline = 0, had = 0, left, old_interval;
    struct timerfd *t;
    struct file *f;
    s64 r;

    if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
        return -EINVAL;
    r = get_itimerspec_ns(new, &interval, &value);
    if (r == 0)
        r = get_timerfd(fd, &f, &t);
    if (r)
        return r;
    if (value) {
        u64 now = flags & TFD_TIMER_ABSTIME ? now_of(t->clock) : 0;

        if (value > now || !interval) {
            deadline = deadline_after(value > now ? value - now : 0);
        } else { /* periods that are over already: timerfd_create(2), of absolute times */
            had = (now - value) / interval + 1;
            deadline = deadline_after(interval - (now - value) % interval);
        }
    }
    timer_counter_set(&t->t, deadline, interval, had, &left, &old_interval);
    file_put(f);
    return old ? put_setting(old, left, old_interval) : 0;
}

s64 sys_timerfd_gettime(int fd, u64 to)
{
    u64 left, interval;
    struct timerfd *t;
    struct file *f;
    s64 r = get_timerfd(fd, &f, &t);

    if (r)
        return r;
    timer_counter_get(&t->t, &left, &interval);
    file_put(f);
    return put_setting(to, left, interval);
}
