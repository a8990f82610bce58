/* SPDX-License-Identifier: Apache-2.0 */
/* Reading directories: getdents64 and the old getdents. */
#include "core/string.h"
#include "fs/file.h"
#include "fs/notify.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"

#define ENTRY_MAX 320u /* header, name of 255 bytes, NUL, type, padding */

struct fill {
    u64 to;         /* where the next entry goes */
    u64 left;
    bool old;       /* struct linux_dirent, with the type as the last byte */
    int err;
};

/* Called for each entry; nonzero ends the listing before this entry is taken. */
static int fill_entry(void *arg, const char *name, u32 len, u64 ino, u8 type, u64 next)
{
    struct fill *fl = arg;
    u8 buf[ENTRY_MAX];
    u64 head = fl->old ? 18 : 19, size;

    if (len > 255)
        return 0;
    size = ALIGN_UP(head + len + 1 + (fl->old ? 1 : 0), 8);
    if (size > fl->left) {
        if (!fl->err)
            fl->err = -EINVAL; /* "result buffer is too small", if nothing fits */
        return 1;
    }
    memset(buf, 0, size);
    memcpy(buf, &ino, 8);
    memcpy(buf + 8, &next, 8);
    *(u16 *)(buf + 16) = (u16)size;
    if (fl->old)
        buf[size - 1] = type;
    else
        buf[18] = type;
    memcpy(buf + head, name, len);
    if (copy_to_user(fl->to, buf, size)) {
        fl->err = -EFAULT;
        return 1;
    }
    fl->to += size;
    fl->left -= size;
    return 0;
}

static s64 list(int fd, u64 to, u32 size, bool old)
{
    struct fill fl = { .to = to, .left = size, .old = old };
    struct file *f;
    s64 r = fd_file(fd, 0, false, &f);

    if (r)
        return r == -EINVAL ? -ENOTDIR : r;
    if (!f->ops->readdir) {
        r = -ENOTDIR;
    } else {
        mutex_lock(&f->pos_lock);
        r = f->ops->readdir(f, fill_entry, &fl);
        mutex_unlock(&f->pos_lock);
        notify_file(f, NOTIFY_ACCESS);
    }
    file_put(f);
    if (fl.to != to)
        return (s64)(fl.to - to);
    return r < 0 ? r : fl.err;
}

s64 sys_getdents64(int fd, u64 to, u32 size)
{
    return list(fd, to, size, false);
}

s64 sys_getdents(int fd, u64 to, u32 size)
{
    return list(fd, to, size, true);
}
