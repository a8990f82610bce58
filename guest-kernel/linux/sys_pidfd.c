/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd_open, pidfd_send_signal, pidfd_getfd. A pidfd is a file that holds the process and repeats its
 * end: readable when it has ended, hung up when it was waited for.
 */
#include "fs/proc.h"
#include "linux/credentials.h"
#include "linux/files.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>

struct pidfd {
    struct process *proc; /* a reference; NULL: the process is still being made */
    struct file *file;
    struct observer ob;   /* of proc's end */
};

static u32 signals_of(u32 of_process)
{
    return (of_process & SIG_TERMINATED ? SIG_READABLE : 0) | (of_process & SIG_HANGUP);
}

/* With the process's object locked; a file's lock comes after it, a port's after that. */
static bool ended(struct observer *ob, u32 signals, struct pulse **later UNUSED)
{
    struct pidfd *p = container_of(ob, struct pidfd, ob);

    object_signal(&p->file->obj, 0, signals_of(signals));
    return true;
}

static void pidfd_release(struct file *f)
{
    struct pidfd *p = f->priv;

    if (p->proc) {
        object_unobserve(&p->ob);
        object_unref(&p->proc->obj);
    }
    kfree(p);
}

/* proc(5): -1 when it was waited for, and the number is perhaps another's. */
static void pidfd_fdinfo(struct file *f, struct text *t)
{
    struct process *p = READ_ONCE(((struct pidfd *)f->priv)->proc);
    int pid = p && READ_ONCE(p->state) != PROCESS_REAPED ? (int)p->pid : -1;

    text_printf(t, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {
    .name = "[pidfd]", .fdinfo = pidfd_fdinfo, .release = pidfd_release,
};

static struct file *create(u32 flags)
{
    struct pidfd *p = kzalloc(sizeof(*p));
    struct file *f = p ? file_create(&pidfd_ops, O_RDWR | flags, 0, p) : NULL;

    if (!f) {
        kfree(p);
        return NULL;
    }
    p->file = f;
    p->ob.mask = SIG_TERMINATED | SIG_HANGUP;
    p->ob.fire = ended;
    return f;
}

static void attach(struct file *f, struct process *proc)
{
    struct pidfd *p = f->priv;
    u32 now;

    object_ref(&proc->obj);
    now = object_observe(&proc->obj, &p->ob);
    if (now)
        object_signal(&f->obj, 0, signals_of(now));
    __atomic_store_n(&p->proc, proc, __ATOMIC_RELEASE);
}

void pidfd_attach(struct file *f, struct process *proc)
{
    attach(f, proc);
    file_put(f);
}

int pidfd_reserve(u64 to, struct file **out, int *fd)
{
    struct file *f = create(0);
    s32 nr;

    if (!f)
        return -ENOMEM;
    object_ref(&f->obj);
    nr = fd_install(&f->obj, fd_rights(O_RDWR), true, 0);
    if (nr < 0) {
        file_put(f);
        return nr;
    }
    if (copy_to_user(to, &nr, sizeof(nr))) {
        pidfd_give_up(f, nr);
        return -EFAULT;
    }
    *out = f;
    *fd = nr;
    return 0;
}

void pidfd_give_up(struct file *f, int fd)
{
    struct object *o;

    /* Another thread may have closed it, or put something else there. */
    if (fd_get(fd, &o) == 0) {
        if (o == &f->obj)
            handle_close(process_current()->handles, (u32)fd);
        object_unref(o);
    }
    file_put(f);
}

/* The file and its process, whose reference is the file's. -EBADF; -ESRCH: still being made. */
static int get(int fd, struct file **out, struct process **proc)
{
    struct file *f;
    int r = fd_file(fd, 0, false, &f);

    if (r)
        return -EBADF;
    if (f->ops != &pidfd_ops) {
        file_put(f);
        return -EBADF;
    }
    *proc = __atomic_load_n(&((struct pidfd *)f->priv)->proc, __ATOMIC_ACQUIRE);
    if (!*proc) {
        file_put(f);
        return -ESRCH;
    }
    *out = f;
    return 0;
}

int pidfd_koid(int fd, u64 *koid, bool *nonblocking)
{
    struct process *p;
    struct file *f;
    int r = get(fd, &f, &p);

    if (r)
        return r == -ESRCH ? -ECHILD : r;
    *koid = p->obj.koid;
    *nonblocking = f->flags & O_NONBLOCK;
    file_put(f);
    return 0;
}

s64 sys_pidfd_open(int pid, int flags)
{
    struct process *p;
    struct thread *t;
    struct file *f;

    if ((flags & ~O_NONBLOCK) || pid <= 0)
        return -EINVAL;
    p = process_find((u32)pid);
    if (!p) {
        t = thread_find((u32)pid);
        if (!t)
            return -ESRCH;
        object_unref(&t->obj);
        return -ENOENT; /* a thread that is not its process's first one */
    }
    f = create((u32)flags);
    if (f)
        attach(f, p);
    object_unref(&p->obj);
    return f ? fd_install(&f->obj, fd_rights(O_RDWR), true, 0) : -ENOMEM;
}

s64 sys_pidfd_send_signal(int fd, int signo, u64 info, u32 flags)
{
    struct process *p;
    struct file *f;
    s64 r;

    if (flags)
        return -EINVAL;
    r = get(fd, &f, &p);
    if (r == 0) {
        r = signal_pidfd(p, signo, info);
        file_put(f);
        return r;
    }
    if (r == -ESRCH || fd_file(fd, 0, false, &f))
        return r;
    /* pidfd_send_signal(2): a descriptor of /proc/PID does as well. */
    p = proc_of_dir(f);
    file_put(f);
    if (!p)
        return -EBADF;
    r = signal_pidfd(p, signo, info);
    object_unref(&p->obj);
    return r;
}

s64 sys_pidfd_getfd(int pidfd, int target, u32 flags)
{
    struct handle_table *t;
    struct process *p;
    struct handle h = { 0 };
    struct file *f;
    s64 r;

    if (flags)
        return -EINVAL;
    r = get(pidfd, &f, &p);
    if (r)
        return r;
    r = proc_handles(p, PROC_ATTACH, &t);
    file_put(f);
    if (r)
        return r == -EACCES ? -EPERM : r;
    r = target < 0 ? -EBADF : handle_get(t, (u32)target, 0, &h);
    handle_table_unref(t);
    return r ? r : fd_install(h.obj, h.rights, true, 0);
}
