/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors: duplicating, closing, fcntl, ioctl, pipes; and what is asked of an open file as a
 * whole.
 */
#include "fs/notify.h"
#include "fs/vfs.h"
#include "linux/files.h"
#include "linux/locks.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "tty/tty.h"

#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)
#define F_DUPFD_CLOEXEC_ 1030
#define F_SETPIPE_SZ_ 1031
#define F_GETPIPE_SZ_ 1032
#define F_ADD_SEALS_ 1033
#define F_GET_SEALS_ 1034

static struct handle_table *table(void)
{
    return process_current()->handles;
}

static u64 nofile(void)
{
    return process_current()->rlimits[RLIMIT_NOFILE].cur;
}

/* --- closing ---------------------------------------------------------------------------------- */

s64 sys_close(int fd)
{
    struct handle h;
    int r;

    if (fd < 0 || handle_get(table(), (u32)fd, 0, &h))
        return -EBADF;
    locks_on_close(h.obj);
    r = handle_close(table(), (u32)fd);
    object_unref(h.obj);
    return r;
}

s64 sys_close_range(u32 first, u32 last, u64 flags)
{
    struct process *p = process_current();

    if ((flags & ~(u64)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    if ((flags & CLOSE_RANGE_UNSHARE) && p->nthreads == 1) {
        s64 r = sys_unshare(0x400 /* CLONE_FILES */);

        if (r)
            return r;
    }
    for (u32 fd = first; handle_next(table(), &fd) && fd <= last; fd++) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            handle_set_flags(table(), fd, HANDLE_CLOEXEC);
        else
            sys_close((int)fd);
        if (fd == UINT32_MAX)
            break;
    }
    return 0;
}

/* --- duplicating ------------------------------------------------------------------------------ */

static s64 duplicate(int fd, bool cloexec, u32 min)
{
    struct handle h;

    if (fd < 0 || handle_get(table(), (u32)fd, 0, &h))
        return -EBADF;
    return fd_install(h.obj, h.rights, cloexec, min);
}

s64 sys_dup(int fd)
{
    return duplicate(fd, false, 0);
}

static s64 duplicate_to(int old, int new, bool cloexec)
{
    struct handle h, replaced;
    int r;

    if (old < 0 || new < 0 || (u64)new >= nofile() || handle_get(table(), (u32)old, 0, &h))
        return -EBADF;
    if (handle_get(table(), (u32)new, 0, &replaced) == 0) {
        locks_on_close(replaced.obj);
        object_unref(replaced.obj);
    }
    r = handle_install_at(table(), h.obj, h.rights, cloexec ? HANDLE_CLOEXEC : 0, (u32)new);
    if (r < 0) {
        object_unref(h.obj);
        return r;
    }
    return new;
}

s64 sys_dup2(int old, int new)
{
    struct handle h;

    if (old != new)
        return duplicate_to(old, new, false);
    if (old < 0 || handle_get(table(), (u32)old, 0, &h))
        return -EBADF;
    object_unref(h.obj);
    return new;
}

s64 sys_dup3(int old, int new, int flags)
{
    if (flags & ~O_CLOEXEC || old == new)
        return -EINVAL;
    return duplicate_to(old, new, flags & O_CLOEXEC);
}

/* --- fcntl, ioctl ----------------------------------------------------------------------------- */

static s64 file_fcntl(struct file *f, int cmd, u64 arg)
{
    switch (cmd) {
    case F_SETFL:
        return file_set_flags(f, SETFL_MASK, (u32)arg & SETFL_MASK);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return fcntl_lock(f, cmd, arg);
    case F_SETPIPE_SZ_:
        return pipe_set_size(f, arg);
    case F_GETPIPE_SZ_:
        return pipe_get_size(f);
    case F_ADD_SEALS_:
        return memfd_add_seals(f, (u32)arg);
    case F_GET_SEALS_:
        return memfd_get_seals(f);
    case F_GETOWN:
    case F_GETSIG:
        return 0;
    case F_SETOWN:
    case F_SETSIG:
    case F_SETLEASE:
    case F_NOTIFY:
    default:
        return -EINVAL;
    }
}

s64 sys_fcntl(int fd, int cmd, u64 arg)
{
    struct handle h;
    struct file *f;
    s64 r;

    if (fd < 0 || handle_get(table(), (u32)fd, 0, &h))
        return -EBADF;
    f = file_of(h.obj);
    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC_:
        if (arg >= nofile())
            r = -EINVAL;
        else
            return fd_install(h.obj, h.rights, cmd == F_DUPFD_CLOEXEC_, (u32)arg);
        break;
    case F_GETFD:
        r = h.flags & HANDLE_CLOEXEC ? FD_CLOEXEC : 0;
        break;
    case F_SETFD:
        r = handle_set_flags(table(), (u32)fd, arg & FD_CLOEXEC ? HANDLE_CLOEXEC : 0);
        break;
    case F_GETFL:
        r = f ? f->flags & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC) : O_RDWR;
        break;
    default:
        r = !f ? (cmd == F_SETFL ? 0 : -EINVAL)
            : f->flags & O_PATH ? -EBADF : file_fcntl(f, cmd, arg);
        break;
    }
    object_unref(h.obj);
    return r;
}

static s64 set_nonblocking(struct file *f, u64 from)
{
    s32 on;

    if (copy_from_user(&on, from, sizeof(on)))
        return -EFAULT;
    return file_set_flags(f, O_NONBLOCK, on ? O_NONBLOCK : 0);
}

/* The program's side of a pseudo-terminal by its master: ioctl_tty(2). */
static s64 open_peer(struct file *f, u64 flags)
{
    struct file *peer;
    int r = tty_open_peer(f, (u32)flags & ~(u32)O_CLOEXEC, &peer);

    return r ? r : fd_install(&peer->obj, fd_rights((u32)flags), flags & O_CLOEXEC, 0);
}

s64 sys_ioctl(int fd, u64 cmd, u64 arg)
{
    struct file *f;
    s64 r;

    if ((u32)cmd == FIOCLEX || (u32)cmd == FIONCLEX)
        return fd < 0 || handle_set_flags(table(), (u32)fd,
                                          (u32)cmd == FIOCLEX ? HANDLE_CLOEXEC : 0) ? -EBADF : 0;
    r = fd_file(fd, 0, false, &f);
    if (r)
        return r == -EINVAL ? -ENOTTY : r;
    if ((u32)cmd == FIONBIO)
        r = set_nonblocking(f, arg);
    else if ((u32)cmd == TIOCGPTPEER)
        r = open_peer(f, arg);
    else
        r = f->ops->ioctl ? f->ops->ioctl(f, (u32)cmd, arg) : -ENOTTY;
    file_put(f);
    return r;
}

/* --- pipes ------------------------------------------------------------------------------------ */

s64 sys_pipe2(u64 to, int flags)
{
    const u32 rights[2] = { fd_rights(O_RDONLY), fd_rights(O_WRONLY) };
    struct file *f[2];
    s64 r;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
        return -EINVAL;
    if (flags & O_DIRECT)
        return -EINVAL; /* packet mode */
    r = pipe_create(&f[0], &f[1], (u32)flags & O_NONBLOCK);
    return r ? r : fd_install_pair(f, rights, flags & O_CLOEXEC, to);
}

s64 sys_pipe(u64 to)
{
    return sys_pipe2(to, 0);
}

/* --- the file as a whole ---------------------------------------------------------------------- */

static s64 sync_file(int fd, bool data_only)
{
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r;
    r = f->ops->sync ? f->ops->sync(f, data_only) : -EINVAL;
    file_put(f);
    return r;
}

s64 sys_fsync(int fd)
{
    return sync_file(fd, false);
}

s64 sys_fdatasync(int fd)
{
    return sync_file(fd, true);
}

s64 sys_sync(void)
{
    vfs_sync_all();
    return 0;
}

s64 sys_syncfs(int fd)
{
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r;
    file_put(f);
    return vfs_sync_all();
}

s64 sys_ftruncate(int fd, s64 size)
{
    struct file *f;
    s64 r;

    if (size < 0)
        return -EINVAL;
    r = fd_file(fd, 0, false, &f);
    if (r)
        return r;
    r = (f->flags & O_ACCMODE) == O_RDONLY ? -EINVAL : vfs_ftruncate(f, (u64)size);
    file_put(f);
    return r;
}

s64 sys_fallocate(int fd, int mode, s64 off, s64 len)
{
    struct file *f;
    s64 r;

    if (off < 0 || len <= 0)
        return -EINVAL;
    if (off > INT64_MAX - len)
        return -EFBIG;
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ||
        (mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) == FALLOC_FL_PUNCH_HOLE)
        return -EOPNOTSUPP;
    r = fd_file(fd, RIGHT_WRITE, false, &f);
    if (r)
        return r;
    if (!f->ops->allocate)
        r = f->ops->seek ? -EOPNOTSUPP : -ESPIPE;
    else if (!(mode & FALLOC_FL_KEEP_SIZE))
        r = fsize_limit_resize(f->inode, (u64)(off + len));
    if (r == 0)
        r = f->ops->allocate(f, mode, (u64)off, (u64)len);
    if (r == 0)
        notify_file(f, NOTIFY_MODIFY);
    file_put(f);
    return r;
}

s64 sys_fadvise64(int fd, s64 off UNUSED, u64 len, int advice)
{
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r;
    if (!f->ops->seek)
        r = -ESPIPE;
    else if ((s64)len < 0 || advice < 0 || advice > 5)
        r = -EINVAL;
    file_put(f);
    return r;
}

s64 sys_readahead(int fd, s64 off UNUSED, u64 n UNUSED)
{
    struct file *f;
    s64 r = fd_file(fd, RIGHT_READ, false, &f);

    if (r)
        return r;
    r = f->ops->mmap ? 0 : -EINVAL;
    file_put(f);
    return r;
}
