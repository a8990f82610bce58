/* SPDX-License-Identifier: Apache-2.0 */
/* flock(2) and the lock commands of fcntl(2). */
#include "linux/locks.h"

#include "fs/vfs.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "object/reclock.h"

#include <linux/fcntl.h>

struct abi_flock {
    s16 type, whence;
    s32 pad;
    s64 start, len;
    s32 pid, pad2;
};
STATIC_ASSERT(sizeof(struct abi_flock) == 32);

/* Bytes named by start, whence and len; a negative len reaches backwards. */
static int resolve(struct file *f, const struct abi_flock *fl, struct reclock_range *r)
{
    struct kstat st;
    s64 start = fl->start, base = 0;
    int e;

    if (fl->whence == 1) {
        base = (s64)f->pos;
    } else if (fl->whence == 2) {
        e = vfs_fstat(f, &st);
        if (e)
            return e;
        base = (s64)st.size;
    } else if (fl->whence) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(start, base, &start))
        return -EOVERFLOW;
    if (fl->len < 0) {
        r->last = (u64)start - 1;
        start += fl->len;
    } else {
        r->last = fl->len ? (u64)start + (u64)fl->len - 1 : RECLOCK_END;
    }
    r->first = (u64)start;
    return start < 0 ? -EINVAL : 0;
}

s64 fcntl_lock(struct file *f, int cmd, u64 arg)
{
    struct process *p = process_current();
    bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
    bool get = cmd == F_GETLK || cmd == F_OFD_GETLK;
    struct reclock_range r = {
        .key = f->inode, .owner = ofd ? (void *)f : (void *)p, .space = RECLOCK_RECORDS,
        .pid = ofd ? 0 : p->pid,
    }, other;
    struct abi_flock fl;
    int e;

    if (copy_from_user(&fl, arg, sizeof(fl)))
        return -EFAULT;
    if (ofd && fl.pid)
        return -EINVAL;
    if (!f->inode)
        return -EINVAL;
    e = resolve(f, &fl, &r);
    if (e)
        return e;
    if (fl.type != F_RDLCK && fl.type != F_WRLCK && (fl.type != F_UNLCK || get))
        return -EINVAL;
    r.exclusive = fl.type == F_WRLCK;
    if (get) {
        fl.type = F_UNLCK;
        if (reclock_test(&r, &other)) {
            fl.type = other.exclusive ? F_WRLCK : F_RDLCK;
            fl.whence = 0;
            fl.start = (s64)other.first;
            fl.len = other.last == RECLOCK_END ? 0 : (s64)(other.last - other.first + 1);
            fl.pid = other.pid ? (s32)other.pid : -1;
        }
        return copy_to_user(arg, &fl, sizeof(fl)) ? -EFAULT : 0;
    }
    if (fl.type == F_UNLCK)
        return reclock_clear(&r);
    if ((f->flags & O_ACCMODE) == (fl.type == F_RDLCK ? O_WRONLY : O_RDONLY))
        return -EBADF;
    e = reclock_set(&r, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
    return e == -EINTR ? -ERESTART : e;
}

s64 sys_flock(int fd, int op)
{
    struct file *f;
    struct reclock_range r = { .space = RECLOCK_FLOCK, .last = RECLOCK_END };
    s64 e = fd_file(fd, 0, false, &f);

    if (e)
        return e;
    r.key = f->inode;
    r.owner = f;
    r.exclusive = (op & 3) == 2;
    switch (op & ~4) {
    case 1: /* LOCK_SH */
    case 2: /* LOCK_EX */
        e = f->inode ? reclock_set(&r, !(op & 4)) : -EINVAL;
        break;
    case 8: /* LOCK_UN */
        e = f->inode ? reclock_clear(&r) : -EINVAL;
        break;
    default:
        e = -EINVAL;
        break;
    }
    file_put(f);
    return e == -EINTR ? -ERESTART : e;
}

void locks_on_close(struct object *o)
{
    struct file *f = file_of(o);

    if (f && f->inode)
        reclock_release(f->inode, process_current());
}

void locks_on_release(struct file *f)
{
    reclock_release(NULL, f);
}
