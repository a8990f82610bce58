/* SPDX-License-Identifier: Apache-2.0 */
/* Opening by name. */
#include "core/string.h"
#include "fs/vfs.h"
#include "linux/abi_struct.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>

#define TMPFILE_BIT ((u32)O_TMPFILE & ~(u32)O_DIRECTORY)
#define O_SYNC_ 04010000
#define OPEN_KNOWN (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |    \
                    O_SYNC_ | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |      \
                    O_CLOEXEC | O_PATH | O_TMPFILE)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static s64 do_open(int dfd, u64 upath, u32 flags, u32 mode, u64 resolve)
{
    struct process *p = process_current();
    struct file *f;
    struct lookup l;
    char *path;
    s64 r;

    if (flags & O_PATH)
        flags &= PATH_FLAGS;
    /* open(2): for writing, and O_DIRECTORY so that kernels without O_TMPFILE refuse it. */
    if ((flags & TMPFILE_BIT) && ((flags & (O_TMPFILE | O_CREAT)) != O_TMPFILE ||
                                  (flags & O_ACCMODE) == O_RDONLY))
        return -EINVAL;
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    r = path_from_user(upath, &path);
    if (r)
        return r;
    r = !*path ? -ENOENT
               : lookup_begin(&l, dfd, path, resolve & RESOLVE_IN_ROOT ? LOOKUP_FROM_BASE : 0);
    if (r == 0) {
        l.resolve = resolve;
        r = vfs_open(&l, path, flags & ~(u32)O_CLOEXEC, mode & 07777 & ~p->fs->umask, &f);
        lookup_end(&l);
    }
    path_free(path);
    if (r)
        return r == -EINTR ? -ERESTART : r;
    return fd_install(&f->obj, fd_rights(flags), flags & O_CLOEXEC, 0);
}

s64 sys_openat(int dfd, u64 path, int flags, u32 mode)
{
    return do_open(dfd, path, (u32)flags & OPEN_KNOWN, mode, 0);
}

s64 sys_open(u64 path, int flags, u32 mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

s64 sys_creat(u64 path, u32 mode)
{
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* openat2 refuses what openat ignores; O_ASYNC has no effect in either (open(2), BUGS). */
s64 sys_openat2(int dfd, u64 path, u64 uhow, u64 size)
{
    struct open_how how;
    int r;

    if (size < sizeof(how))
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    r = struct_from_user(&how, sizeof(how), uhow, size);
    if (r)
        return r;
    if ((how.flags & ~(u64)(OPEN_KNOWN | FASYNC)) || (how.mode & ~UINT64_C(07777)) ||
        (how.mode && !(how.flags & O_CREAT) && !(how.flags & TMPFILE_BIT)) ||
        ((how.flags & O_PATH) && (how.flags & ~(u64)PATH_FLAGS)) ||
        (how.resolve & ~(u64)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                              RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED)) ||
        (how.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == (RESOLVE_BENEATH | RESOLVE_IN_ROOT))
        return -EINVAL;
    /* What makes or cuts files has to ask: the caller tries again without it. */
    if ((how.resolve & RESOLVE_CACHED) && (how.flags & (O_CREAT | O_TRUNC | TMPFILE_BIT)))
        return -EAGAIN;
    return do_open(dfd, path, (u32)how.flags & OPEN_KNOWN, (u32)how.mode, how.resolve);
}
