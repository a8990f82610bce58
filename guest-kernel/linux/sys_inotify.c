/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_init, inotify_add_watch, inotify_rm_watch: see fs/notify.h. */
#include "fs/notify_impl.h"
#include "linux/files.h"
#include "linux/path_call.h"
#include "linux/syscall.h"
#include "object/process.h"

#define IN_ONLYDIR_     0x01000000u
#define IN_DONT_FOLLOW_ 0x02000000u
#define IN_UNMOUNT_     0x2000u
#define IN_KNOWN (IN_KEPT | IN_ONLYDIR_ | IN_DONT_FOLLOW_ | IN_MASK_ADD_ | IN_MASK_CREATE_ |     \
                  IN_ISDIR_ | IN_UNMOUNT_ | IN_Q_OVERFLOW_ | IN_IGNORED_)

s64 sys_inotify_init1(int flags)
{
    struct file *f;
    int r;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    r = inotify_create((u32)flags & O_NONBLOCK, &f);
    return r ? r : fd_install(&f->obj, fd_rights(O_RDONLY), flags & O_CLOEXEC, 0);
}

s64 sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

static s64 get_inotify(int fd, struct file **f)
{
    s64 r = fd_file(fd, 0, false, f);

    if (r == 0 && !file_is_inotify(*f)) {
        file_put(*f);
        r = -EINVAL;
    }
    return r;
}

static s64 add_watch(struct file *f, u64 upath, u32 mask)
{
    struct path_call c;
    struct path p;
    s64 r;

    if ((mask & IN_MASK_ADD_) && (mask & IN_MASK_CREATE_))
        return -EINVAL;
    r = path_call_begin(&c, AT_FDCWD, upath, (mask & IN_DONT_FOLLOW_ ? 0 : LOOKUP_FOLLOW) |
                                                 (mask & IN_ONLYDIR_ ? LOOKUP_DIRECTORY : 0));
    if (r)
        return r;
    r = path_lookup(&c.l, c.name, &p);
    if (r == 0) {
        r = inode_permission(p.dentry->inode, c.l.cred, 4);
        if (r == 0)
            r = inotify_watch(f, &p, mask);
        path_unref(&p);
    }
    path_call_end(&c);
    return r;
}

s64 sys_inotify_add_watch(int fd, u64 upath, u64 wanted)
{
    u32 mask = (u32)wanted;
    struct file *f;
    s64 r;

    if (!(mask & IN_KNOWN))
        return -EINVAL;
    r = get_inotify(fd, &f);
    if (r)
        return r;
    r = add_watch(f, upath, mask);
    file_put(f);
    return r;
}

s64 sys_inotify_rm_watch(int fd, int wd)
{
    struct file *f;
    s64 r = get_inotify(fd, &f);

    if (r)
        return r;
    r = inotify_unwatch(f, wd);
    file_put(f);
    return r;
}
