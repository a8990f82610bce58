/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inherited descriptors that are regular files. Reading and writing at the file's place goes by the
 * inherited descriptor, whose place the caller shares; what has an offset of its own, and what is opened
 * again by name (/dev/stdout, /proc/self/fd/1), goes by the open file that stands for it
 * (RV_STDIO_FILE). Who could follow the link to it may have it, as far as the caller's own descriptor
 * allows: an answer EBADF of the host's.
 */
#include "core/boot.h"
#include "core/hostcall.h"
#include "core/string.h"
#include "fs/hostfs.h"
#include "fs/inode.h"
#include "mm/slab.h"
#include "tty/stdio.h"

#include <linux/fcntl.h>

#define PART 16384u

struct stdio_inode {
    struct inode inode;
    u32 fd; /* (i) */
};

static struct stdio_inode *stdio_of(struct inode *i)
{
    return container_of(i, struct stdio_inode, inode);
}

static u32 id_of(struct inode *i)
{
    return RV_STDIO_FILE(stdio_of(i)->fd);
}

/* --- contents, at an offset ----------------------------------------------------------------------- */

static s64 read_at(struct inode *i, struct uio *u, u8 *buf, u64 pos)
{
    struct hc_io io;
    size_t did;
    s64 r;

    hc_io_init(&io);
    hc_out(&io, buf, MIN(u->left, PART));
    r = hostcall(RV_HC_file_read, id_of(i), pos, 0, 0, 0, &io);
    if (r <= 0)
        return r;
    did = uio_to(u, buf, (size_t)r);
    return did ? (s64)did : -EFAULT;
}

static s64 write_at(struct inode *i, struct uio *u, u8 *buf, u64 pos, u32 flags)
{
    size_t got = uio_from(u, buf, MIN(u->left, PART));
    struct hc_io io;

    if (!got)
        return -EFAULT;
    hc_io_init(&io);
    hc_in(&io, buf, got);
    return hostcall(RV_HC_file_write, id_of(i), pos, flags, 0, 0, &io);
}

static ssize_t own_read(struct file *f, struct uio *u, u64 *pos)
{
    u8 *buf = kmalloc(PART);
    ssize_t done = 0;
    s64 r = 0;

    if (!buf)
        return -ENOMEM;
    while (u->left) {
        r = read_at(f->inode, u, buf, *pos);
        if (r <= 0)
            break;
        *pos += (u64)r;
        done += (ssize_t)r;
    }
    kfree(buf);
    return done ? done : r;
}

static ssize_t own_write(struct file *f, struct uio *u, u64 *pos)
{
    u32 flags = ((f->flags & O_APPEND) || u->append ? 1 : 0) | (f->flags & O_DSYNC ? 2 : 0);
    struct inode *i = f->inode;
    u8 *buf = kmalloc(PART);
    ssize_t done = 0;
    s64 r = 0;

    if (!buf)
        return -ENOMEM;
    mutex_lock(&i->lock);
    while (u->left) {
        r = write_at(i, u, buf, *pos, flags);
        if (r <= 0)
            break;
        *pos += (u64)r;
        done += (ssize_t)r;
    }
    if (done && (flags & 1) && i->ops->getattr(i) == 0)
        *pos = i->size; /* where the host put it is where the file ends now */
    mutex_unlock(&i->lock);
    kfree(buf);
    return done ? done : r;
}

static s64 own_seek(struct file *f, s64 off, int whence)
{
    int r = f->inode->ops->getattr(f->inode);

    return r ? r : file_seek_size(f, off, whence, f->inode->size);
}

static int own_sync(struct file *f, bool data_only)
{
    return (int)hostcall(RV_HC_file_sync, id_of(f->inode), data_only, 0, 0, 0, NULL);
}

static int own_allocate(struct file *f, int mode, u64 off, u64 len)
{
    s64 r = hostcall(RV_HC_file_allocate, id_of(f->inode), off, len, (u32)mode, 0, NULL);

    return r < 0 ? (int)r : 0;
}

static const struct file_ops own_ops = {
    .read = own_read, .write = own_write, .seek = own_seek, .sync = own_sync,
    .allocate = own_allocate,
};

/* --- at the caller's place ------------------------------------------------------------------------ */

static ssize_t shared_read(struct file *f, struct uio *u, u64 *pos)
{
    return pos == &f->pos ? stdio_read(f, u, pos) : own_read(f, u, pos);
}

static ssize_t shared_write(struct file *f, struct uio *u, u64 *pos)
{
    return pos == &f->pos ? stdio_write(f, u, pos) : own_write(f, u, pos);
}

static s64 shared_seek(struct file *f, s64 off, int whence)
{
    s64 r = hostcall(RV_HC_stdio_seek, stdio_of(f->inode)->fd, (u64)off, (u32)whence, 0, 0, NULL);

    if (r >= 0)
        f->pos = (u64)r; /* what fdinfo shows */
    return r;
}

const struct file_ops stdio_file_ops = {
    .read = shared_read, .write = shared_write, .seek = shared_seek, .sync = own_sync,
    .allocate = own_allocate,
};

/* --- the inode ------------------------------------------------------------------------------------ */

static int stdio_getattr(struct inode *i)
{
    struct rv_attr a;
    struct hc_io io;
    s64 r;

    hc_io_init(&io);
    hc_out(&io, &a, sizeof(a));
    r = hostcall(RV_HC_file_stat, id_of(i), 0, 0, 0, 0, &io);
    if (r < 0)
        return (int)r;
    hostfs_set_attr(i, &a);
    return 0;
}

/* The file has no name here by which the host would change the rest. */
static int stdio_setattr(struct inode *i, const struct attr_change *c)
{
    s64 r;

    if (c->mask & ~(u32)RV_SET_SIZE)
        return -EPERM;
    if (!c->mask)
        return 0;
    r = hostcall(RV_HC_file_truncate, id_of(i), c->size, 0, 0, 0, NULL);
    return r < 0 ? (int)r : 0;
}

static int stdio_reopen(struct inode *i, u32 flags, struct file **out)
{
    u32 kept = flags & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
    struct file *f;
    s64 r = 0;

    if (flags & O_TRUNC)
        r = hostcall(RV_HC_file_truncate, id_of(i), 0, 0, 0, 0, NULL);
    /* Not cut: the caller appends to it, or has it for reading only, which a write will tell. */
    if (r < 0 && r != -EPERM && r != -EBADF)
        return (int)r;
    f = file_create(&own_ops, kept, SIG_READABLE | SIG_WRITABLE, NULL);
    if (!f)
        return -ENOMEM;
    inode_ref(i);
    f->inode = i;
    *out = f;
    return 0;
}

static void stdio_destroy(struct inode *i)
{
    kfree(stdio_of(i));
}

static const struct inode_ops stdio_file_inode_ops = {
    .getattr = stdio_getattr, .setattr = stdio_setattr, .reopen = stdio_reopen,
    .destroy = stdio_destroy,
};

struct inode *stdio_file_inode(u32 fd, struct superblock *sb)
{
    struct stdio_inode *s = kzalloc(sizeof(*s));

    if (!s)
        return NULL;
    inode_init(&s->inode, sb, &stdio_file_inode_ops, NULL, stdio_mode[fd]);
    s->fd = fd;
    s->inode.atime = s->inode.mtime = s->inode.ctime = fs_now();
    return &s->inode;
}
