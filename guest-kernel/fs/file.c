/* SPDX-License-Identifier: Apache-2.0 */
/* Open files as objects: see file.h. */
#include "fs/file.h"

#include "core/string.h"
#include "fs/notify.h"
#include "mm/slab.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

void (*file_ended)(struct file *f);

static void file_destroy(struct object *o)
{
    struct file *f = container_of(o, struct file, obj);

    notify_file(f, (f->flags & O_ACCMODE) == O_RDONLY ? NOTIFY_CLOSE_NOWRITE : NOTIFY_CLOSE_WRITE);
    if (file_ended)
        file_ended(f);
    if (f->ops && f->ops->release)
        f->ops->release(f);
    if (f->claim)
        file_unclaim(f);
    if (f->inode)
        inode_unref(f->inode);
    if (f->path.dentry)
        path_unref(&f->path);
    kfree(f);
}

const struct object_ops file_object_ops = { .type = OBJ_FILE, .destroy = file_destroy };

struct file *file_create(const struct file_ops *ops, u32 flags, u32 signals, void *priv)
{
    struct file *f = kzalloc(sizeof(*f));

    if (!f)
        return NULL;
    object_init(&f->obj, &file_object_ops, signals);
    f->ops = ops;
    f->flags = flags;
    mutex_init(&f->pos_lock);
    f->priv = priv;
    return f;
}

s64 file_set_flags(struct file *f, u32 mask, u32 bits)
{
    u32 old = READ_ONCE(f->flags);

    while (!__atomic_compare_exchange_n(&f->flags, &old, (old & ~mask) | (bits & mask), true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    if (f->ops->flags_changed)
        f->ops->flags_changed(f);
    return 0;
}

s64 file_seek_size(struct file *f, s64 off, int whence, u64 size)
{
    s64 base;

    switch (whence) {
    case SEEK_SET:
        base = 0;
        break;
    case SEEK_CUR:
        base = (s64)f->pos;
        break;
    case SEEK_END:
        base = (s64)size;
        break;
    case SEEK_DATA: /* lseek(2): a file system may treat all of a file as data */
    case SEEK_HOLE:
        if (off < 0 || (u64)off >= size)
            return -ENXIO;
        base = whence == SEEK_HOLE ? (s64)size - off : 0;
        break;
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, off, &off) || off < 0)
        return off < 0 && base >= 0 ? -EINVAL : -EOVERFLOW;
    f->pos = (u64)off;
    return off;
}
