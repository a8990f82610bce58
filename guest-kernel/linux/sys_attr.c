/* SPDX-License-Identifier: Apache-2.0 */
/* Changing attributes: mode, owner, times, size. */
#include "fs/vfs.h"
#include "linux/abi_time.h"
#include "linux/files.h"
#include "linux/path_call.h"
#include "linux/syscall.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define UTIME_NOW_ ((1l << 30) - 1l)
#define UTIME_OMIT_ ((1l << 30) - 2l)

static const struct cred *cred(void)
{
    return process_current()->cred;
}

/* The file whose attributes are to be changed: -EOPNOTSUPP for an object that has none. */
static s64 file_with_attributes(int fd, struct file **f)
{
    s64 r = fd_file(fd, 0, false, f);

    return r == -EINVAL ? -EOPNOTSUPP : r;
}

/* --- mode and owner --------------------------------------------------------------------------- */

s64 sys_fchmodat(int dfd, u64 upath, u32 mode)
{
    struct path p;
    s64 r = path_resolve(dfd, upath, 0, true, &p);

    if (r)
        return r;
    r = vfs_chmod(&p, cred(), mode & 07777);
    path_unref(&p);
    return r;
}

s64 sys_chmod(u64 path, u32 mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

s64 sys_fchmod(int fd, u32 mode)
{
    struct file *f;
    s64 r = file_with_attributes(fd, &f);

    if (r)
        return r;
    r = vfs_fchmod(f, cred(), mode & 07777);
    file_put(f);
    return r;
}

s64 sys_fchownat(int dfd, u64 upath, u32 uid, u32 gid, int flags)
{
    struct path p;
    s64 r;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    r = path_resolve(dfd, upath, flags, !(flags & AT_SYMLINK_NOFOLLOW), &p);
    if (r)
        return r;
    r = vfs_chown(&p, cred(), uid, gid);
    path_unref(&p);
    return r;
}

s64 sys_chown(u64 path, u32 uid, u32 gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

s64 sys_lchown(u64 path, u32 uid, u32 gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

s64 sys_fchown(int fd, u32 uid, u32 gid)
{
    struct file *f;
    s64 r = file_with_attributes(fd, &f);

    if (r)
        return r;
    r = vfs_fchown(f, cred(), uid, gid);
    file_put(f);
    return r;
}

/* --- times ------------------------------------------------------------------------------------ */

static int file_time_of(const struct abi_timespec *ts, u64 *out)
{
    if (ts->nsec == UTIME_NOW_)
        *out = TIME_NOW;
    else if (ts->nsec == UTIME_OMIT_)
        *out = TIME_OMIT;
    else if ((u64)ts->nsec >= NSEC_PER_SEC)
        return -EINVAL;
    else
        *out = (u64)(ts->sec * (s64)NSEC_PER_SEC + ts->nsec);
    return 0;
}

static s64 set_times(int dfd, u64 upath, u64 atime, u64 mtime, int flags)
{
    struct file *f;
    struct path p;
    s64 r;

    if (!upath) { /* futimens(3) */
        r = file_with_attributes(dfd, &f);
        if (r)
            return r;
        r = vfs_futimens(f, cred(), atime, mtime);
        file_put(f);
        return r;
    }
    r = path_resolve(dfd, upath, flags, !(flags & AT_SYMLINK_NOFOLLOW), &p);
    if (r)
        return r;
    r = vfs_utimens(&p, cred(), atime, mtime);
    path_unref(&p);
    return r;
}

s64 sys_utimensat(int dfd, u64 upath, u64 utimes, int flags)
{
    struct abi_timespec ts[2];
    u64 atime = TIME_NOW, mtime = TIME_NOW;
    int r = 0;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (utimes) {
        if (copy_from_user(ts, utimes, sizeof(ts)))
            return -EFAULT;
        r = file_time_of(&ts[0], &atime);
        if (r == 0)
            r = file_time_of(&ts[1], &mtime);
        if (r)
            return r;
        if (atime == TIME_OMIT && mtime == TIME_OMIT)
            return 0;
    }
    return set_times(dfd, upath, atime, mtime, flags);
}

s64 sys_futimesat(int dfd, u64 upath, u64 utimes)
{
    struct abi_timeval tv[2];
    u64 t[2] = { TIME_NOW, TIME_NOW };

    if (utimes) {
        if (copy_from_user(tv, utimes, sizeof(tv)))
            return -EFAULT;
        for (u32 i = 0; i < 2; i++) {
            if ((u64)tv[i].usec >= 1000000)
                return -EINVAL;
            t[i] = (u64)(tv[i].sec * (s64)NSEC_PER_SEC + tv[i].usec * 1000);
        }
    }
    return set_times(dfd, upath, t[0], t[1], 0);
}

s64 sys_utimes(u64 path, u64 utimes)
{
    return path ? sys_futimesat(AT_FDCWD, path, utimes) : -EFAULT;
}

s64 sys_utime(u64 path, u64 utimes)
{
    s64 sec[2];
    u64 t[2] = { TIME_NOW, TIME_NOW };

    if (!path)
        return -EFAULT;
    if (utimes) {
        if (copy_from_user(sec, utimes, sizeof(sec)))
            return -EFAULT;
        t[0] = (u64)(sec[0] * (s64)NSEC_PER_SEC);
        t[1] = (u64)(sec[1] * (s64)NSEC_PER_SEC);
    }
    return set_times(AT_FDCWD, path, t[0], t[1], 0);
}

s64 sys_truncate(u64 upath, s64 size)
{
    struct path p;
    s64 r;

    if (size < 0)
        return -EINVAL;
    r = path_resolve(AT_FDCWD, upath, 0, true, &p);
    if (r)
        return r;
    r = vfs_truncate(&p, cred(), (u64)size);
    path_unref(&p);
    return r;
}
