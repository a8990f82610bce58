/* SPDX-License-Identifier: Apache-2.0 */
/* /dev: a file system in memory with the devices that a container has; and the devices: null(4),
 * full(4), random(4). */
#include "core/random.h"
#include "core/string.h"
#include "fs/inode.h"
#include "mm/slab.h"
#include "tty/tty.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

#define DEV(major, minor) ((u64)(major) << 8 | (minor)) /* both below 256 */

static s64 dev_seek(struct file *f, s64 off UNUSED, int whence UNUSED)
{
    return (s64)(f->pos = 0);
}

static ssize_t swallow(struct file *f UNUSED, struct uio *u, u64 *pos UNUSED)
{
    ssize_t n = (ssize_t)u->left;

    u->left = 0;
    return n;
}

static ssize_t null_read(struct file *f UNUSED, struct uio *u UNUSED, u64 *pos UNUSED)
{
    return 0;
}

static ssize_t zero_read(struct file *f UNUSED, struct uio *u, u64 *pos UNUSED)
{
    size_t want = u->left, n = uio_zero(u, want);

    return n || !want ? (ssize_t)n : -EFAULT;
}

static int zero_mmap(struct file *f UNUSED, u64 off UNUSED, u32 prot UNUSED, bool shared,
                     struct vmo **vmo, u64 *vmo_off)
{
    *vmo = NULL; /* private: plain anonymous memory */
    *vmo_off = 0;
    if (shared) {
        *vmo = vmo_create(VMO_UNBOUNDED, NULL, NULL);
        if (!*vmo)
            return -ENOMEM;
    }
    return 0;
}

static ssize_t full_write(struct file *f UNUSED, struct uio *u UNUSED, u64 *pos UNUSED)
{
    return -ENOSPC;
}

static ssize_t random_read(struct file *f UNUSED, struct uio *u, u64 *pos UNUSED)
{
    u8 buf[256];
    ssize_t done = 0;

    while (u->left) {
        size_t n = MIN(u->left, sizeof(buf)), did;

        random_bytes(buf, n);
        did = uio_to(u, buf, n);
        done += (ssize_t)did;
        if (did < n)
            return done ? done : -EFAULT;
    }
    return done;
}

static const struct file_ops null_ops = { .read = null_read, .write = swallow, .seek = dev_seek };
static const struct file_ops zero_ops = {
    .read = zero_read, .write = swallow, .seek = dev_seek, .mmap = zero_mmap,
};
static const struct file_ops full_ops = { .read = zero_read, .write = full_write, .seek = dev_seek };
static const struct file_ops random_ops = { .read = random_read, .write = swallow,
                                            .seek = dev_seek };

const struct file_ops *device_ops(u64 rdev)
{
    switch (rdev) {
    case DEV(1, 3):
        return &null_ops;
    case DEV(1, 5):
        return &zero_ops;
    case DEV(1, 7):
        return &full_ops;
    case DEV(1, 8):
    case DEV(1, 9):
        return &random_ops;
    default:
        return NULL;
    }
}

bool device_is_ready(u64 rdev)
{
    return rdev >> 8 == 1;
}

static const struct {
    const char *name;
    u32 mode;
    u64 rdev;
    const char *text;
} nodes[] = {
    { "null", S_IFCHR_ | 0666, DEV(1, 3), NULL },
    { "zero", S_IFCHR_ | 0666, DEV(1, 5), NULL },
    { "full", S_IFCHR_ | 0666, DEV(1, 7), NULL },
    { "random", S_IFCHR_ | 0666, DEV(1, 8), NULL },
    { "urandom", S_IFCHR_ | 0666, DEV(1, 9), NULL },
    { "tty", S_IFCHR_ | 0666, DEV_TTY, NULL },
    { "console", S_IFCHR_ | 0620, DEV_CONSOLE, NULL },
    { "ptmx", S_IFLNK_ | 0777, 0, "pts/ptmx" },
    { "fd", S_IFLNK_ | 0777, 0, "/proc/self/fd" },
    { "stdin", S_IFLNK_ | 0777, 0, "/proc/self/fd/0" },
    { "stdout", S_IFLNK_ | 0777, 0, "/proc/self/fd/1" },
    { "stderr", S_IFLNK_ | 0777, 0, "/proc/self/fd/2" },
    { "pts", S_IFDIR_ | 0755, 0, NULL },
    { "shm", S_IFDIR_ | 01777, 0, NULL },
};

int devfs_create(struct superblock **sb, struct dentry **root)
{
    int r = memfs_create(0755, 0x01021994, sb, root); /* TMPFS_MAGIC, as devices of containers are */

    for (u32 i = 0; r == 0 && i < ARRAY_SIZE(nodes); i++) {
        struct new_node n = { .mode = nodes[i].mode, .rdev = nodes[i].rdev, .text = nodes[i].text };

        if (nodes[i].rdev == DEV_CONSOLE && !tty_is_console())
            continue; /* as engines do: /dev/console is there with a terminal only */
        r = memfs_add(*root, nodes[i].name, &n);
    }
    return r;
}
