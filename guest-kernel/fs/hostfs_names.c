/* SPDX-License-Identifier: Apache-2.0 */
/* hostfs: names in volumes are made, linked, renamed and removed on the host. */
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

static int make_entry(struct inode *dir, struct dentry *d, const struct new_node *n,
                      struct rv_walk_entry *e)
{
    u32 node = hostfs_of(dir)->node, type = n->mode & S_IFMT_;
    struct hc_io io;
    s64 r;

    memset(e, 0, sizeof(*e));
    hc_io_init(&io);
    hc_in(&io, d->name, d->len);
    if (type == S_IFLNK_)
        hc_in(&io, n->text, strlen(n->text));
    hc_out(&io, e, sizeof(*e));
    switch (type) {
    case S_IFDIR_:
        r = hostcall(RV_HC_fs_mkdir, node, n->mode & 07777, n->uid, n->gid, 0, &io);
        break;
    case S_IFLNK_:
        r = hostcall(RV_HC_fs_symlink, node, n->uid, n->gid, d->len, 0, &io);
        break;
    case S_IFIFO_:
    case S_IFSOCK_:
        r = hostcall(RV_HC_fs_mknod, node, n->mode, n->uid, n->gid, 0, &io);
        break;
    default: /* the host's folder is not a place for device nodes */
        r = -EPERM;
        break;
    }
    return r < 0 ? (int)r : e->status;
}

/* The inode of a file that was just made. */
static int take_new_file(struct inode *dir, const char *name, u32 len,
                         const struct rv_open_reply *reply, struct inode **out)
{
    *out = hostfs_inode_create(dir->sb, dir, name, len, &reply->attr, 0, NULL, 0);
    if (!*out) {
        hostcall(RV_HC_file_close, reply->file, 0, 0, 0, 0, NULL);
        return -ENOMEM;
    }
    hostfs_of(*out)->file = reply->file;
    hostfs_of(*out)->writable = reply->writable;
    return 0;
}

static int make_file(struct inode *dir, struct dentry *d, const struct new_node *n,
                     struct inode **out)
{
    struct rv_open_reply reply;
    u32 node = hostfs_of(dir)->node;
    struct hc_io io;
    s64 r;

    hc_io_init(&io);
    hc_in(&io, d->name, d->len);
    hc_out(&io, &reply, sizeof(reply));
    r = hostcall(RV_HC_fs_create, node, n->mode & 07777, n->uid, n->gid, 1, &io);
    while (r == -ENFILE && dentry_prune(FILES_BACK)) /* it was made, if the VMM had no descriptor */
        r = hostcall(RV_HC_fs_create, node, n->mode & 07777, n->uid, n->gid, 0, &io);
    return r < 0 ? (int)r : take_new_file(dir, d->name, d->len, &reply, out);
}

/*
 * Only one that never gets a name: the file goes to the VMM, which can give it none, and the
 * service keeps nothing of it. Callers of the other kind have to do without in any case (open(2)).
 */
int hostfs_tmpfile(struct inode *dir, const struct new_node *n, bool linkable, struct inode **out)
{
    struct rv_open_reply reply;
    u32 node = hostfs_of(dir)->node;
    struct hc_io io;
    s64 r;

    if (linkable)
        return -EOPNOTSUPP;
    do {
        hc_io_init(&io);
        hc_out(&io, &reply, sizeof(reply));
        r = hostcall(RV_HC_fs_tmpfile, node, n->mode & 07777, n->uid, n->gid, 0, &io);
    } while (r == -ENFILE && dentry_prune(FILES_BACK));
    return r < 0 ? (int)r : take_new_file(dir, "", 0, &reply, out);
}

int hostfs_make(struct inode *dir, struct dentry *d, const struct new_node *n, struct inode **out)
{
    struct rv_walk_entry e;
    int r;

    if ((n->mode & S_IFMT_) == S_IFREG_)
        return make_file(dir, d, n, out);
    r = make_entry(dir, d, n, &e);
    if (r)
        return r;
    *out = hostfs_inode_create(dir->sb, dir, d->name, d->len, &e.attr, e.dir, n->text,
                               n->text ? (u32)strlen(n->text) : 0);
    return *out ? 0 : -ENOMEM;
}

int hostfs_link(struct inode *dir, struct dentry *d, struct inode *target UNUSED,
                struct dentry *from)
{
    struct rv_walk_entry e;
    char name[NAME_MAX_ + 1];
    struct dentry *parent;
    struct hc_io io;
    u32 node, len;
    s64 r;

    parent = hostfs_place(from, &node, name, &len);
    if (!parent)
        return -ENOENT;
    hc_io_init(&io);
    hc_in(&io, name, len);
    hc_in(&io, d->name, d->len);
    hc_out(&io, &e, sizeof(e));
    r = hostcall(RV_HC_fs_link, node, hostfs_of(dir)->node, len, 0, 0, &io);
    dentry_unref(parent);
    return r < 0 ? (int)r : 0;
}

int hostfs_unlink(struct inode *dir, struct dentry *d)
{
    struct hc_io io;

    hc_io_init(&io);
    hc_in(&io, d->name, d->len);
    return (int)hostcall(RV_HC_fs_unlink, hostfs_of(dir)->node, inode_is_dir(d->inode), 0, 0, 0,
                         &io);
}

int hostfs_rename(struct inode *from, struct dentry *a, struct inode *to, struct dentry *b, u32 flags)
{
    struct hc_io io;

    hc_io_init(&io);
    hc_in(&io, a->name, a->len);
    hc_in(&io, b->name, b->len);
    return (int)hostcall(RV_HC_fs_rename, hostfs_of(from)->node, hostfs_of(to)->node, a->len, flags,
                         0, &io);
}
