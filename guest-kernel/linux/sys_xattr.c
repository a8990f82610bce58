/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes: getxattr(2), listxattr(2), setxattr(2), removexattr(2), in all forms. */
#include "core/string.h"
#include "fs/xattr.h"
#include "linux/files.h"
#include "linux/path_call.h"
#include "linux/syscall.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/fcntl.h>

#define NO_PATH 0u /* the descriptor itself is meant */

/* What a call is about. On 0 *t has references, or its dentry is NULL: not of a file system. */
static int target_get(int fd, u64 upath, bool follow, struct path *t)
{
    struct object *o;
    struct file *f;
    int r;

    *t = (struct path){ NULL, NULL };
    if (upath)
        return path_resolve(AT_FDCWD, upath, 0, follow, t);
    r = fd_get(fd, &o);
    if (r)
        return r;
    f = file_of(o);
    if (f && (f->flags & O_PATH)) {
        r = -EBADF;
    } else if (f && f->path.dentry) {
        *t = f->path;
        path_ref(t);
    }
    object_unref(o);
    return r;
}

static const struct path *target_path(const struct path *t)
{
    return t->dentry ? t : NULL;
}

static void target_put(const struct path *t)
{
    if (t->dentry)
        path_unref(t);
}

/* -ERANGE: empty or too long, as on Linux. */
static int name_from_user(u64 uname, char name[XATTR_NAME_MAX + 1])
{
    ssize_t n = copy_string_from_user(name, uname, XATTR_NAME_MAX + 1);

    if (n == -ENAMETOOLONG || n == 0)
        return -ERANGE;
    return n < 0 ? (int)n : 0;
}

static const struct cred *cred(void)
{
    return process_current()->cred;
}

/* A buffer for an answer of `size` bytes, at most `max`. */
static int answer_buffer(u64 size, u64 max, void **buf, size_t *room)
{
    *room = MIN(size, max);
    *buf = NULL;
    if (!*room)
        return 0;
    *buf = kmalloc(*room);
    return *buf ? 0 : -ENOMEM;
}

static s64 answer(s64 r, const void *buf, size_t room, u64 to, size_t max)
{
    if (r == -ERANGE && room == max)
        return -E2BIG; /* no buffer is large enough */
    return r > 0 && room && copy_to_user(to, buf, (u64)r) ? -EFAULT : r;
}

static s64 get(int fd, u64 upath, bool follow, u64 uname, u64 to, u64 size)
{
    char name[XATTR_NAME_MAX + 1];
    struct path t;
    size_t room;
    void *buf;
    s64 r = name_from_user(uname, name);

    if (r == 0)
        r = target_get(fd, upath, follow, &t);
    if (r)
        return r;
    r = answer_buffer(size, XATTR_SIZE_MAX, &buf, &room);
    if (r == 0)
        r = vfs_getxattr(target_path(&t), cred(), name, buf, room);
    r = answer(r, buf, room, to, XATTR_SIZE_MAX);
    kfree(buf);
    target_put(&t);
    return r;
}

static s64 list(int fd, u64 upath, bool follow, u64 to, u64 size)
{
    struct path t;
    size_t room;
    void *buf;
    s64 r = target_get(fd, upath, follow, &t);

    if (r)
        return r;
    r = answer_buffer(size, XATTR_LIST_MAX, &buf, &room);
    if (r == 0)
        r = vfs_listxattr(target_path(&t), cred(), buf, room);
    r = answer(r, buf, room, to, XATTR_LIST_MAX);
    kfree(buf);
    target_put(&t);
    return r;
}

static s64 set(int fd, u64 upath, bool follow, u64 uname, u64 from, u64 size, int flags)
{
    char name[XATTR_NAME_MAX + 1];
    struct path t;
    void *value;
    s64 r;

    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    r = name_from_user(uname, name);
    if (r)
        return r;
    if (size > XATTR_SIZE_MAX)
        return -E2BIG;
    value = kmalloc(MAX(size, UINT64_C(1))); /* never NULL, which would mean to remove it */
    if (!value)
        return -ENOMEM;
    r = copy_from_user(value, from, size) ? -EFAULT : target_get(fd, upath, follow, &t);
    if (r == 0) {
        r = vfs_setxattr(target_path(&t), cred(), name, value, size, flags);
        target_put(&t);
    }
    kfree(value);
    return r;
}

static s64 remove(int fd, u64 upath, bool follow, u64 uname)
{
    char name[XATTR_NAME_MAX + 1];
    struct path t;
    s64 r = name_from_user(uname, name);

    if (r == 0)
        r = target_get(fd, upath, follow, &t);
    if (r)
        return r;
    r = vfs_setxattr(target_path(&t), cred(), name, NULL, 0, 0);
    target_put(&t);
    return r;
}

s64 sys_setxattr(u64 path, u64 name, u64 value, u64 size, int flags)
{
    return path ? set(-1, path, true, name, value, size, flags) : -EFAULT;
}

s64 sys_lsetxattr(u64 path, u64 name, u64 value, u64 size, int flags)
{
    return path ? set(-1, path, false, name, value, size, flags) : -EFAULT;
}

s64 sys_fsetxattr(int fd, u64 name, u64 value, u64 size, int flags)
{
    return set(fd, NO_PATH, false, name, value, size, flags);
}

s64 sys_getxattr(u64 path, u64 name, u64 value, u64 size)
{
    return path ? get(-1, path, true, name, value, size) : -EFAULT;
}

s64 sys_lgetxattr(u64 path, u64 name, u64 value, u64 size)
{
    return path ? get(-1, path, false, name, value, size) : -EFAULT;
}

s64 sys_fgetxattr(int fd, u64 name, u64 value, u64 size)
{
    return get(fd, NO_PATH, false, name, value, size);
}

s64 sys_listxattr(u64 path, u64 to, u64 size)
{
    return path ? list(-1, path, true, to, size) : -EFAULT;
}

s64 sys_llistxattr(u64 path, u64 to, u64 size)
{
    return path ? list(-1, path, false, to, size) : -EFAULT;
}

s64 sys_flistxattr(int fd, u64 to, u64 size)
{
    return list(fd, NO_PATH, false, to, size);
}

s64 sys_removexattr(u64 path, u64 name)
{
    return path ? remove(-1, path, true, name) : -EFAULT;
}

s64 sys_lremovexattr(u64 path, u64 name)
{
    return path ? remove(-1, path, false, name) : -EFAULT;
}

s64 sys_fremovexattr(int fd, u64 name)
{
    return remove(fd, NO_PATH, false, name);
}
