/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/pts: the names of terminals, which come and go with them: pts(4). */
#include "core/print.h"
#include "fs/inode.h"
#include "object/process.h"
#include "tty/tty.h"

#define DEVPTS_MAGIC 0x1cd1u
#define TTY_GROUP 5u

static struct dentry *pts_root;

static int pts_make(struct inode *dir UNUSED, struct dentry *d UNUSED, const struct new_node *n UNUSED,
                    struct inode **out UNUSED)
{
    return -EACCES;
}

static int pts_unlink(struct inode *dir UNUSED, struct dentry *d UNUSED)
{
    return -EPERM;
}

/* The names are the terminals: programs make and remove none. */
static struct inode_ops pts_dir_ops;

static u32 name_of(u32 index, char name[12])
{
    return (u32)str_printf(name, 12, "%u", index);
}

int devpts_add(u32 index)
{
    const struct cred *c = process_current() ? process_current()->cred : NULL;
    struct new_node n = {
        .mode = S_IFCHR_ | 0620, .uid = c ? c->fsuid : 0, .gid = TTY_GROUP, .rdev = DEV_PTS(index),
    };
    char name[12];

    name_of(index, name);
    return memfs_add(pts_root, name, &n);
}

void devpts_remove(u32 index)
{
    char name[12];
    struct dentry *d = dentry_find(pts_root, name, name_of(index, name));

    if (!d)
        return;
    d->inode->nlink = 0;
    dentry_drop(d);
    dentry_unref(d);
}

int devpts_open(u32 index, u32 flags, struct file **out)
{
    char name[12];
    struct path p = { NULL, dentry_find(pts_root, name, name_of(index, name)) };
    struct mount *m;
    int r = -EIO;

    list_for_each(m, &all_mounts, node)
        if (m->root == pts_root)
            p.mnt = m;
    if (p.dentry && p.mnt)
        r = inode_open(&p, flags, out);
    if (p.dentry)
        dentry_unref(p.dentry);
    return r;
}

int devpts_create(struct superblock **sb, struct dentry **root)
{
    struct new_node ptmx = { .mode = S_IFCHR_ | 0666, .rdev = DEV_PTMX };
    int r = memfs_create(0755, DEVPTS_MAGIC, sb, root);

    if (r)
        return r;
    pts_dir_ops = *(*root)->inode->ops;
    pts_dir_ops.make = pts_make;
    pts_dir_ops.unlink = pts_unlink;
    pts_dir_ops.link = NULL;
    pts_dir_ops.rename = NULL;
    (*root)->inode->ops = &pts_dir_ops;
    pts_root = *root;
    r = memfs_add(*root, "ptmx", &ptmx);
    return r == 0 && tty_is_console() ? devpts_add(0) : r;
}
