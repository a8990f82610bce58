/* SPDX-License-Identifier: Apache-2.0 */
/* Names: making, linking, renaming and removing them; the current directory. */
#include "core/string.h"
#include "fs/vfs.h"
#include "linux/credentials.h"
#include "linux/files.h"
#include "linux/path_call.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

#define S_IFMT_ 0170000u
#define S_IFREG_ 0100000u
#define S_IFCHR_ 0020000u
#define S_IFBLK_ 0060000u
#define S_IFIFO_ 0010000u
#define S_IFSOCK_ 0140000u
#define PATH_BUF 4096u

/* One path argument on its way through a call. */
int path_call_begin(struct path_call *c, int dfd, u64 upath, u32 flags)
{
    int r = path_from_user(upath, &c->name);

    if (r)
        return r;
    r = lookup_begin(&c->l, dfd, c->name, flags);
    if (r)
        path_free(c->name);
    return r;
}

void path_call_end(struct path_call *c)
{
    lookup_end(&c->l);
    path_free(c->name);
}

int path_resolve(int dfd, u64 upath, int at_flags, bool follow, struct path *out)
{
    struct path_call c;
    struct file *f;
    int r = path_from_user(upath, &c.name);

    if (r)
        return r;
    if (!c.name[0] && (at_flags & AT_EMPTY_PATH)) {
        path_free(c.name);
        if (dfd == AT_FDCWD) {
            struct fs_context *fs = process_current()->fs;

            mutex_lock(&fs->lock);
            *out = fs->cwd;
            path_ref(out);
            mutex_unlock(&fs->lock);
            return 0;
        }
        r = fd_file(dfd, 0, true, &f);
        if (r)
            return r;
        if (f->path.dentry) {
            *out = f->path;
            path_ref(out);
        } else {
            r = -EBADF;
        }
        file_put(f);
        return r;
    }
    r = lookup_begin(&c.l, dfd, c.name, follow ? LOOKUP_FOLLOW : 0);
    if (r == 0) {
        r = path_lookup(&c.l, c.name, out);
        lookup_end(&c.l);
    }
    path_free(c.name);
    return r;
}

/* --- making ----------------------------------------------------------------------------------- */

s64 sys_mkdirat(int dfd, u64 upath, u32 mode)
{
    struct path_call c;
    s64 r = path_call_begin(&c, dfd, upath, 0);

    if (r)
        return r;
    r = vfs_mkdir(&c.l, c.name, mode & 01777 & ~process_current()->fs->umask);
    path_call_end(&c);
    return r;
}

s64 sys_mkdir(u64 path, u32 mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

s64 sys_mknodat(int dfd, u64 upath, u32 mode, u64 dev)
{
    struct path_call c;
    s64 r;

    if (!(mode & S_IFMT_))
        mode |= S_IFREG_;
    switch (mode & S_IFMT_) {
    case S_IFREG_:
    case S_IFIFO_:
    case S_IFSOCK_:
        dev = 0;
        break;
    case S_IFCHR_:
    case S_IFBLK_:
        if (!cred_capable(CAP_MKNOD_))
            return -EPERM;
        break;
    case 0040000:
        return -EPERM;
    default:
        return -EINVAL;
    }
    r = path_call_begin(&c, dfd, upath, 0);
    if (r)
        return r;
    r = vfs_mknod(&c.l, c.name, mode & ~(process_current()->fs->umask & 0777), dev);
    path_call_end(&c);
    return r;
}

s64 sys_mknod(u64 path, u32 mode, u64 dev)
{
    return sys_mknodat(AT_FDCWD, path, mode, dev);
}

s64 sys_symlinkat(u64 utext, int dfd, u64 upath)
{
    struct path_call c;
    char *text;
    s64 r = path_from_user(utext, &text);

    if (r)
        return r;
    r = text[0] ? path_call_begin(&c, dfd, upath, 0) : -ENOENT;
    if (r == 0) {
        r = vfs_symlink(text, &c.l, c.name);
        path_call_end(&c);
    }
    path_free(text);
    return r;
}

s64 sys_symlink(u64 text, u64 path)
{
    return sys_symlinkat(text, AT_FDCWD, path);
}

s64 sys_linkat(int old_dfd, u64 old, int dfd, u64 upath, int flags)
{
    struct path_call c;
    struct path from;
    s64 r;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    r = path_resolve(old_dfd, old, flags, flags & AT_SYMLINK_FOLLOW, &from);
    if (r)
        return r;
    r = path_call_begin(&c, dfd, upath, 0);
    if (r == 0) {
        r = vfs_link(&from, &c.l, c.name);
        path_call_end(&c);
    }
    path_unref(&from);
    return r;
}

s64 sys_link(u64 old, u64 new)
{
    return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* --- removing and renaming -------------------------------------------------------------------- */

s64 sys_unlinkat(int dfd, u64 upath, int flags)
{
    struct path_call c;
    s64 r;

    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    r = path_call_begin(&c, dfd, upath, 0);
    if (r)
        return r;
    r = flags & AT_REMOVEDIR ? vfs_rmdir(&c.l, c.name) : vfs_unlink(&c.l, c.name);
    path_call_end(&c);
    return r;
}

s64 sys_unlink(u64 path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

s64 sys_rmdir(u64 path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

s64 sys_renameat2(int old_dfd, u64 old, int new_dfd, u64 new, int flags)
{
    struct path_call a, b;
    s64 r;

    if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
        ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))))
        return -EINVAL;
    if (flags & RENAME_WHITEOUT)
        return -EINVAL; /* "the filesystem does not support it" */
    r = path_call_begin(&a, old_dfd, old, 0);
    if (r)
        return r;
    r = path_call_begin(&b, new_dfd, new, 0);
    if (r == 0) {
        r = vfs_rename(&a.l, a.name, &b.l, b.name, (u32)flags);
        path_call_end(&b);
    }
    path_call_end(&a);
    return r;
}

s64 sys_renameat(int old_dfd, u64 old, int new_dfd, u64 new)
{
    return sys_renameat2(old_dfd, old, new_dfd, new, 0);
}

s64 sys_rename(u64 old, u64 new)
{
    return sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* --- looking ---------------------------------------------------------------------------------- */

s64 sys_readlinkat(int dfd, u64 upath, u64 to, u64 size)
{
    struct path p;
    u8 first;
    char *buf;
    s64 r;

    if ((int)size <= 0)
        return -EINVAL;
    if (copy_from_user(&first, upath, 1))
        return -EFAULT;
    r = path_resolve(dfd, upath, AT_EMPTY_PATH, false, &p);
    if (r)
        return r;
    buf = kmalloc(PATH_BUF);
    r = buf ? vfs_readlink(&p, buf, MIN(size, (u64)PATH_BUF)) : -ENOMEM;
    if (r == -EINVAL && !first)
        r = -ENOENT; /* only a descriptor of a link has no need of a name */
    if (r > 0 && copy_to_user(to, buf, (u64)r))
        r = -EFAULT;
    kfree(buf);
    path_unref(&p);
    return r;
}

s64 sys_readlink(u64 path, u64 to, u64 size)
{
    return sys_readlinkat(AT_FDCWD, path, to, size);
}

s64 sys_getcwd(u64 to, u64 size)
{
    struct fs_context *fs = process_current()->fs;
    char *buf = kmalloc(PATH_BUF);
    struct path cwd;
    s64 r;

    if (!buf)
        return -ENOMEM;
    mutex_lock(&fs->lock);
    cwd = fs->cwd;
    path_ref(&cwd);
    mutex_unlock(&fs->lock);
    r = path_text(fs, &cwd, buf, PATH_BUF);
    path_unref(&cwd);
    if (r >= 0) {
        r++; /* with its NUL */
        if ((u64)r > size)
            r = -ERANGE;
        else if (copy_to_user(to, buf, (u64)r))
            r = -EFAULT;
    }
    kfree(buf);
    return r;
}

s64 sys_chdir(u64 upath)
{
    struct process *p = process_current();
    struct path path;
    s64 r = path_resolve(AT_FDCWD, upath, 0, true, &path);

    if (r)
        return r;
    r = vfs_chdir(&path, p->cred, p->fs, false);
    path_unref(&path);
    return r;
}

s64 sys_fchdir(int fd)
{
    struct process *p = process_current();
    struct file *f;
    s64 r = fd_file(fd, 0, true, &f);

    if (r)
        return r == -EINVAL ? -ENOTDIR : r;
    r = f->path.dentry ? vfs_chdir(&f->path, p->cred, p->fs, false) : -ENOTDIR;
    file_put(f);
    return r;
}

s64 sys_chroot(u64 upath)
{
    struct process *p = process_current();
    struct path path;
    s64 r;

    if (!cred_capable(CAP_SYS_CHROOT_))
        return -EPERM;
    r = path_resolve(AT_FDCWD, upath, 0, true, &path);
    if (r)
        return r;
    r = vfs_chdir(&path, p->cred, p->fs, true);
    path_unref(&path);
    return r;
}

s64 sys_umask(u32 mask)
{
    struct fs_context *fs = process_current()->fs;

    return __atomic_exchange_n(&fs->umask, mask & 0777, __ATOMIC_RELAXED);
}
