/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signalfd(2): a file from which the reader's own pending signals are read. Readiness is a level of the
 * file, so it is that of one process: of the one that made the file or, after a fork, read it last.
 */
#include "core/string.h"
#include "core/time.h"
#include "fs/file.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define NOT_OURS_DELAY UINT64_C(10000000) /* ns; see signalfd_read */

struct abi_signalfd_siginfo {
    u32 signo;
    s32 err, code;
    u32 pid, uid;
    s32 fd;
    u32 tid, band, overrun, trapno;
    s32 status, value;
    u64 ptr, utime, stime, addr;
    u8 pad[48];
};
STATIC_ASSERT(sizeof(struct abi_signalfd_siginfo) == 128);

struct signalfd {
    struct mutex lock;     /* owner */
    struct process *owner; /* whose pending signals `watch` shows; a reference */
    struct sig_watch watch; /* its set and node under the owner's lock */
};

/* Show the signals of p from now on. */
static void attach(struct signalfd *s, struct process *p)
{
    struct process *old;

    mutex_lock(&s->lock);
    old = s->owner;
    if (old != p) {
        if (old) {
            spin_lock(&old->lock);
            list_del(&s->watch.node);
            spin_unlock(&old->lock);
        }
        object_ref(&p->obj);
        s->owner = p;
        spin_lock(&p->lock);
        list_add_tail(&p->sig_watches, &s->watch.node);
        sig_watches_update(p);
        spin_unlock(&p->lock);
    }
    mutex_unlock(&s->lock);
    if (old && old != p)
        object_unref(&old->obj);
}

static void convert(const struct sig_info *i, struct abi_signalfd_siginfo *o)
{
    memset(o, 0, sizeof(*o));
    o->signo = (u32)i->signo;
    o->err = i->err;
    o->code = i->code;
    if (i->code == SIC_TIMER) {
        o->tid = (u32)i->timer.id;
        o->overrun = (u32)i->timer.overrun;
        o->ptr = i->timer.value;
        o->value = (s32)i->timer.value;
    } else if (i->signo == SIGCHLD && i->code > 0) {
        o->pid = (u32)i->child.pid;
        o->uid = i->child.uid;
        o->status = i->child.status;
        o->utime = (u64)i->child.utime;
        o->stime = (u64)i->child.stime;
    } else if (i->code > 0 && i->code < SIC_KERNEL) {
        o->addr = i->fault.addr;
    } else {
        o->pid = (u32)i->kill.pid;
        o->uid = i->kill.uid;
        if (i->code < 0 && i->code != SIC_TKILL) {
            o->ptr = i->kill.value;
            o->value = (s32)i->kill.value;
        }
    }
}

static ssize_t signalfd_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct signalfd *s = f->priv;
    struct abi_signalfd_siginfo out;
    struct sig_info info;
    ssize_t done = 0;

    if (u->left < sizeof(out))
        return -EINVAL;
    attach(s, process_current());
    while (u->left >= sizeof(out)) {
        int r;

        if (signal_dequeue(READ_ONCE(s->watch.set), &info)) {
            convert(&info, &out);
            if (uio_to(u, &out, sizeof(out)) != sizeof(out))
                return done ? done : -EFAULT;
            done += (ssize_t)sizeof(out);
            continue;
        }
        if (done || (f->flags & O_NONBLOCK))
            return done ? done : -EAGAIN;
        /* What is pending for another thread is shown, but it is not ours to read. */
        if (object_signals(&f->obj) & SIG_READABLE)
            r = object_wait_many(NULL, 0, time_mono() + NOT_OURS_DELAY, WAIT_INTERRUPTIBLE);
        else
            r = object_wait(&f->obj, SIG_READABLE, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
        if (r == -EINTR)
            return -ERESTART;
    }
    return done;
}

static void signalfd_release(struct file *f)
{
    struct signalfd *s = f->priv;

    if (s->owner) {
        spin_lock(&s->owner->lock);
        list_del(&s->watch.node);
        spin_unlock(&s->owner->lock);
        object_unref(&s->owner->obj);
    }
    kfree(s);
}

static const struct file_ops signalfd_ops = {
    .name = "[signalfd]", .read = signalfd_read, .release = signalfd_release,
};

static s64 create(u64 set, int flags)
{
    struct signalfd *s = kzalloc(sizeof(*s));
    u32 mode = O_RDWR | ((u32)flags & O_NONBLOCK);
    struct file *f = s ? file_create(&signalfd_ops, mode, 0, s) : NULL;

    if (!f) {
        kfree(s);
        return -ENOMEM;
    }
    mutex_init(&s->lock);
    list_init(&s->watch.node);
    s->watch.shown_on = &f->obj;
    s->watch.set = set;
    attach(s, process_current());
    return fd_install(&f->obj, fd_rights(O_RDWR), flags & O_CLOEXEC, 0);
}

static s64 change(int fd, u64 set)
{
    struct signalfd *s;
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r;
    if (f->ops != &signalfd_ops) {
        file_put(f);
        return -EINVAL;
    }
    s = f->priv;
    mutex_lock(&s->lock);
    spin_lock(&s->owner->lock);
    s->watch.set = set;
    sig_watches_update(s->owner);
    spin_unlock(&s->owner->lock);
    mutex_unlock(&s->lock);
    file_put(f);
    return fd;
}

s64 sys_signalfd4(int fd, u64 set_from, u64 size, int flags)
{
    u64 set;

    if (size != sizeof(set))
        return -EINVAL;
    if (copy_from_user(&set, set_from, sizeof(set)))
        return -EFAULT;
    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    set &= ~SIGSET_UNBLOCKABLE;
    return fd == -1 ? create(set, flags) : change(fd, set);
}

s64 sys_signalfd(int fd, u64 set_from, u64 size)
{
    return sys_signalfd4(fd, set_from, size, 0);
}
