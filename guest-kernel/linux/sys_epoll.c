/* SPDX-License-Identifier: Apache-2.0 */
/* epoll(7) over ports (object/port.h). */
#include "linux/abi_time.h"
#include "linux/files.h"
#include "linux/poll_bits.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/port.h"
#include "object/process.h"

#include <linux/eventpoll.h>
#include <linux/fcntl.h>

/* What may be asked for with EPOLLEXCLUSIVE (epoll_ctl(2)). */
#define EXCLUSIVE_WITH \
    (EPOLLEXCLUSIVE | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET)

#define EVENTS_FAST 16
#define EVENTS_AT_ONCE 256 /* handed out by one call at most */

struct abi_epoll_event {
    u32 events;
    u64 data;
} PACKED;
STATIC_ASSERT(sizeof(struct abi_epoll_event) == 12);

s64 sys_epoll_create1(int flags)
{
    struct port *port;

    if (flags & ~O_CLOEXEC)
        return -EINVAL;
    port = port_create();
    if (!port)
        return -ENOMEM;
    return fd_install(port_object(port), RIGHT_DUP | RIGHT_WAIT, flags & O_CLOEXEC, 0);
}

s64 sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

/* The port behind a descriptor, with a reference. */
static int get_port(int epfd, struct object **o, struct port **port)
{
    int r = fd_get(epfd, o);

    if (r)
        return r;
    *port = port_of(*o);
    if (*port)
        return 0;
    object_unref(*o);
    return -EINVAL;
}

/* Files that are always ready cannot be watched (epoll_ctl(2), EPERM). */
static bool can_watch(struct object *o)
{
    struct file *f = file_of(o);

    return !f || !f->ops->mmap;
}

static s64 control(struct port *port, int op, int fd, struct object *o,
                   const struct abi_epoll_event *ev)
{
    unsigned flags = (ev->events & EPOLLET ? PORT_EDGE : 0) |
                     (ev->events & EPOLLONESHOT ? PORT_ONE_SHOT : 0) |
                     (ev->events & EPOLLEXCLUSIVE ? PORT_EXCLUSIVE : 0);

    if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE) &&
        (op == EPOLL_CTL_MOD || port_of(o) || (ev->events & ~EXCLUSIVE_WITH)))
        return -EINVAL;
    switch (op) {
    case EPOLL_CTL_ADD:
        return port_add(port, (u32)fd, o, poll_mask(ev->events), flags, ev->events, ev->data);
    case EPOLL_CTL_MOD:
        return port_modify(port, (u32)fd, o, poll_mask(ev->events), flags, ev->events, ev->data);
    case EPOLL_CTL_DEL:
        return port_remove(port, (u32)fd, o);
    default:
        return -EINVAL;
    }
}

s64 sys_epoll_ctl(int epfd, int op, int fd, u64 uevent)
{
    struct abi_epoll_event ev = { 0, 0 };
    struct object *po, *o;
    struct port *port;
    s64 r;

    if (op != EPOLL_CTL_DEL && copy_from_user(&ev, uevent, sizeof(ev)))
        return -EFAULT;
    r = get_port(epfd, &po, &port);
    if (r)
        return r;
    r = fd_get(fd, &o);
    if (r == 0) {
        if (o == po)
            r = -EINVAL;
        else if (!can_watch(o))
            r = -EPERM;
        else
            r = control(port, op, fd, o, &ev);
        object_unref(o);
    }
    object_unref(po);
    return r;
}

static s64 do_wait(int epfd, u64 to, int max, u64 deadline)
{
    struct port_event fast[EVENTS_FAST], *ev = fast;
    struct object *po;
    struct port *port;
    int n;
    s64 r;

    if (max <= 0 || (u32)max > INT32_MAX / sizeof(struct abi_epoll_event))
        return -EINVAL;
    max = MIN(max, EVENTS_AT_ONCE);
    if (!user_range_ok(to, (u64)max * sizeof(struct abi_epoll_event)))
        return -EFAULT;
    r = get_port(epfd, &po, &port);
    if (r)
        return r;
    if (max > EVENTS_FAST) {
        ev = kmalloc((u32)max * sizeof(*ev));
        if (!ev) {
            object_unref(po);
            return -ENOMEM;
        }
    }
    n = port_wait(port, ev, max, deadline);
    r = n;
    for (int i = 0; i < n; i++) {
        struct abi_epoll_event out = { poll_events(ev[i].signals, ev[i].events), ev[i].data };

        if (copy_to_user(to + (u32)i * sizeof(out), &out, sizeof(out))) {
            r = -EFAULT;
            break;
        }
    }
    if (ev != fast)
        kfree(ev);
    object_unref(po);
    return r;
}

static u64 ms_deadline(int timeout)
{
    return timeout < 0 ? DEADLINE_NEVER : timeout ? deadline_after((u64)timeout * 1000000) : 0;
}

/* epoll_wait is never restarted (signal(7)). */
s64 sys_epoll_wait(int epfd, u64 to, int max, int timeout)
{
    return do_wait(epfd, to, max, ms_deadline(timeout));
}

static s64 wait_masked(int epfd, u64 to, int max, u64 deadline, u64 umask, u64 size)
{
    u64 mask;
    s64 r;

    if (!umask)
        return do_wait(epfd, to, max, deadline);
    if (size != sizeof(mask))
        return -EINVAL;
    if (copy_from_user(&mask, umask, sizeof(mask)))
        return -EFAULT;
    signal_set_mask_temporarily(mask);
    r = do_wait(epfd, to, max, deadline);
    signal_end_temporary_mask(r);
    return r;
}

s64 sys_epoll_pwait(int epfd, u64 to, int max, int timeout, u64 umask, u64 size)
{
    return wait_masked(epfd, to, max, ms_deadline(timeout), umask, size);
}

s64 sys_epoll_pwait2(int epfd, u64 to, int max, u64 utimeout, u64 umask, u64 size)
{
    u64 deadline = DEADLINE_NEVER, ns;
    s64 r;

    if (utimeout) {
        r = get_timespec_ns(utimeout, &ns);
        if (r)
            return r;
        deadline = ns ? deadline_after(ns) : 0;
    }
    return wait_masked(epfd, to, max, deadline, umask, size);
}
