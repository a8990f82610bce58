/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of files and file systems, and access checks. */
#include "core/string.h"
#include "fs/vfs.h"
#include "linux/abi_time.h"
#include "linux/files.h"
#include "linux/path_call.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

struct abi_stat {
    u64 dev, ino, nlink;
    u32 mode, uid, gid, pad0;
    u64 rdev;
    s64 size, blksize, blocks;
    struct abi_timespec atime, mtime, ctime;
    s64 unused[3];
};
STATIC_ASSERT(sizeof(struct abi_stat) == 144);

/* Times before 1970 are negative ns. */
static struct abi_timespec file_time(u64 ns)
{
    s64 t = (s64)ns, sec = t / (s64)NSEC_PER_SEC, nsec = t % (s64)NSEC_PER_SEC;

    return nsec < 0 ? (struct abi_timespec){ sec - 1, nsec + (s64)NSEC_PER_SEC }
                    : (struct abi_timespec){ sec, nsec };
}

static s64 put_stat(u64 to, const struct kstat *k)
{
    struct abi_stat st = {
        .dev = k->dev, .ino = k->ino, .nlink = k->nlink, .mode = k->mode, .uid = k->uid,
        .gid = k->gid, .rdev = k->rdev, .size = (s64)k->size, .blksize = (s64)k->blksize,
        .blocks = (s64)k->blocks, .atime = file_time(k->atime), .mtime = file_time(k->mtime),
        .ctime = file_time(k->ctime),
    };

    return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

/* An object that is not a file: what fstat of an anonymous inode shows. */
static s64 stat_fd(int fd, struct kstat *k)
{
    struct object *o;
    struct file *f;
    s64 r = fd_get(fd, &o);

    if (r)
        return r;
    f = file_of(o);
    if (f) {
        r = vfs_fstat(f, k);
    } else {
        memset(k, 0, sizeof(*k));
        k->mode = 0600;
        k->nlink = 1;
        k->ino = o->koid;
        k->blksize = PAGE_SIZE;
    }
    object_unref(o);
    return r;
}

static s64 stat_path(int dfd, u64 upath, int flags, struct kstat *k)
{
    struct path p;
    u8 first;
    s64 r;

    if (flags & AT_EMPTY_PATH) { /* the usual form of fstat in libc: no look-up, any object */
        if (copy_from_user(&first, upath, 1))
            return -EFAULT;
        if (!first && dfd != AT_FDCWD)
            return stat_fd(dfd, k);
    }
    r = path_resolve(dfd, upath, flags, !(flags & AT_SYMLINK_NOFOLLOW), &p);
    if (r)
        return r;
    r = vfs_stat(&p, k);
    path_unref(&p);
    return r;
}

s64 sys_newfstatat(int dfd, u64 path, u64 to, int flags)
{
    struct kstat k;
    s64 r;

    if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
        return -EINVAL;
    r = stat_path(dfd, path, flags, &k);
    return r ? r : put_stat(to, &k);
}

s64 sys_stat(u64 path, u64 to)
{
    return sys_newfstatat(AT_FDCWD, path, to, 0);
}

s64 sys_lstat(u64 path, u64 to)
{
    return sys_newfstatat(AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW);
}

s64 sys_fstat(int fd, u64 to)
{
    struct kstat k;
    s64 r = stat_fd(fd, &k);

    return r ? r : put_stat(to, &k);
}

/* --- statx ------------------------------------------------------------------------------------ */

static struct statx_timestamp statx_time(u64 ns)
{
    struct abi_timespec ts = file_time(ns);

    return (struct statx_timestamp){ .tv_sec = ts.sec, .tv_nsec = (u32)ts.nsec };
}

static u32 dev_major(u64 dev)
{
    return (u32)(dev >> 8 & 0xfff) | (u32)(dev >> 32 & ~UINT64_C(0xfff));
}

static u32 dev_minor(u64 dev)
{
    return (u32)(dev & 0xff) | (u32)(dev >> 12 & ~UINT64_C(0xff));
}

s64 sys_statx(int dfd, u64 path, int flags, u64 mask, u64 to)
{
    struct kstat k;
    struct statx st;
    s64 r;

    if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (mask & STATX__RESERVED))
        return -EINVAL;
    r = stat_path(dfd, path, flags, &k);
    if (r)
        return r;
    memset(&st, 0, sizeof(st));
    st.stx_mask = STATX_BASIC_STATS | (k.btime ? STATX_BTIME : 0);
    st.stx_blksize = (u32)k.blksize;
    st.stx_nlink = k.nlink;
    st.stx_uid = k.uid;
    st.stx_gid = k.gid;
    st.stx_mode = (u16)k.mode;
    st.stx_ino = k.ino;
    st.stx_size = k.size;
    st.stx_blocks = k.blocks;
    st.stx_atime = statx_time(k.atime);
    st.stx_btime = statx_time(k.btime);
    st.stx_ctime = statx_time(k.ctime);
    st.stx_mtime = statx_time(k.mtime);
    st.stx_rdev_major = dev_major(k.rdev);
    st.stx_rdev_minor = dev_minor(k.rdev);
    st.stx_dev_major = dev_major(k.dev);
    st.stx_dev_minor = dev_minor(k.dev);
    return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

/* --- file systems ----------------------------------------------------------------------------- */

struct abi_statfs {
    s64 type, bsize;
    u64 blocks, bfree, bavail, files, ffree, fsid;
    s64 namelen, frsize, flags, spare[4];
};
STATIC_ASSERT(sizeof(struct abi_statfs) == 120);

static s64 put_statfs(u64 to, const struct kstatfs *k)
{
    struct abi_statfs st = {
        .type = (s64)k->type, .bsize = (s64)k->bsize, .blocks = k->blocks, .bfree = k->bfree,
        .bavail = k->bavail, .files = k->files, .ffree = k->ffree, .fsid = k->fsid,
        .namelen = (s64)k->namelen, .frsize = (s64)k->frsize, .flags = (s64)k->flags,
    };

    return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

s64 sys_statfs(u64 upath, u64 to)
{
    struct kstatfs k;
    struct path p;
    s64 r = path_resolve(AT_FDCWD, upath, 0, true, &p);

    if (r)
        return r;
    r = vfs_statfs(&p, &k);
    path_unref(&p);
    return r ? r : put_statfs(to, &k);
}

s64 sys_fstatfs(int fd, u64 to)
{
    struct kstatfs k;
    struct file *f;
    s64 r = fd_file(fd, 0, true, &f);

    if (r)
        return r;
    r = vfs_fstatfs(f, &k);
    file_put(f);
    return r ? r : put_statfs(to, &k);
}

/* --- access ----------------------------------------------------------------------------------- */

/* Without AT_EACCESS the real ids decide: a copy of the credentials with those. */
s64 sys_faccessat2(int dfd, u64 upath, int mode, int flags)
{
    const struct cred *c = process_current()->cred;
    struct cred *real = NULL;
    struct path p;
    s64 r;

    if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    if (!(flags & AT_EACCESS) && (c->uid != c->fsuid || c->gid != c->fsgid)) {
        real = cred_copy(c, c->ngroups);
        if (!real)
            return -ENOMEM;
        real->fsuid = c->uid;
        real->fsgid = c->gid;
        real->cap_effective = c->uid ? 0 : c->cap_permitted;
    }
    r = path_resolve(dfd, upath, flags, !(flags & AT_SYMLINK_NOFOLLOW), &p);
    if (r == 0) {
        r = vfs_access(&p, real ? real : c, (u32)mode);
        path_unref(&p);
    }
    if (real)
        cred_unref(real);
    return r;
}

s64 sys_faccessat(int dfd, u64 path, int mode)
{
    return sys_faccessat2(dfd, path, mode, 0);
}

s64 sys_access(u64 path, int mode)
{
    return sys_faccessat2(AT_FDCWD, path, mode, 0);
}
