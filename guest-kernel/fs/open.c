/* SPDX-License-Identifier: Apache-2.0 */
/* Opening by name: open(2). */
#include "core/print.h"
#include "core/string.h"
#include "fs/notify.h"
#include "mm/slab.h"
#include "tty/tty.h"

#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>

#define LINK_DEPTH 8u /* links as the last name, one leading to the next (kernel stack) */

/* What an O_PATH descriptor can do is done by the system calls themselves. */
static const struct file_ops path_only_ops = { 0 };

static u32 ready_signals(const struct inode *i)
{
    return inode_type(i) == S_IFREG_ || inode_is_dir(i) ||
                   (inode_type(i) == S_IFCHR_ && device_is_ready(i->rdev))
               ? FILE_READY
               : 0;
}

int inode_open(const struct path *p, u32 flags, struct file **out)
{
    struct inode *i = p->dentry->inode;
    struct file *f = file_create(&path_only_ops, flags & ~(u32)O_NOCTTY, ready_signals(i), NULL);
    int r = 0;

    if (!f)
        return -ENOMEM;
    f->path = *p;
    path_ref(p);
    inode_ref(i);
    f->inode = i;
    if (!(flags & O_PATH)) {
        if (inode_type(i) == S_IFIFO_) {
            r = fifo_open(i, f);
        } else if (inode_type(i) == S_IFSOCK_) {
            r = -ENXIO;
        } else if (inode_type(i) == S_IFCHR_ && tty_is_device(i->rdev)) {
            r = tty_open_device(f, flags);
        } else if (inode_type(i) == S_IFCHR_ || inode_type(i) == S_IFBLK_) {
            const struct file_ops *ops = inode_type(i) == S_IFCHR_ ? device_ops(i->rdev) : NULL;

            if (!ops)
                r = -ENXIO;
            else
                f->ops = ops;
        } else {
            f->ops = i->fops;
            if ((flags & O_ACCMODE) != O_RDONLY)
                r = file_claim(f, 1);
        }
        if (r == 0 && i->ops->open)
            r = i->ops->open(i, f);
        if (r)
            f->ops = &path_only_ops; /* nothing to release */
    }
    if (r) {
        path_unref(&f->path); /* and it was never open: no event */
        f->path.dentry = NULL;
        object_unref(&f->obj);
        return r;
    }
    notify_file(f, NOTIFY_OPEN);
    *out = f;
    return 0;
}

static int check_access(const struct path *p, const struct cred *c, u32 flags)
{
    static const u8 masks[4] = { 4, 2, 6, 6 };
    struct inode *i = p->dentry->inode;
    u32 mask = masks[flags & O_ACCMODE], type = inode_type(i);
    int r;

    if (flags & O_PATH)
        return 0;
    if (flags & O_TRUNC)
        mask |= 2;
    if (type == S_IFDIR_ && (mask & 2))
        return -EISDIR;
    if ((mask & 2) && p->mnt->readonly && type == S_IFREG_)
        return -EROFS;
    r = inode_permission(i, c, mask);
    if (r)
        return r;
    if ((flags & O_NOATIME) && !inode_owner_or_capable(i, c))
        return -EPERM;
    return 0;
}

/* Open what is there. */
static int open_path(const struct path *p, const struct cred *c, u32 flags, struct file **out)
{
    struct inode *i = p->dentry->inode;
    int r;

    if ((flags & O_DIRECTORY) && !inode_is_dir(i))
        return -ENOTDIR;
    if (inode_type(i) == S_IFLNK_ && !(flags & O_PATH))
        return -ELOOP;
    if (i->ops->reopen && !(flags & O_PATH))
        return i->ops->reopen(i, flags, out); /* who could follow the link to it may have it again */
    r = check_access(p, c, flags);
    if (r)
        return r;
    if ((flags & O_TRUNC) && inode_type(i) == S_IFREG_ && !(flags & O_PATH)) {
        r = vfs_open_truncate(p, c);
        if (r)
            return r;
    }
    return inode_open(p, flags & ~(u32)(O_CREAT | O_EXCL | O_TRUNC), out);
}

static int open_existing(const struct lookup *l, const char *name, u32 flags, struct file **out)
{
    struct lookup own = *l;
    struct path p;
    int r;

    own.flags = (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
                (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
    r = path_lookup(&own, name, &p);
    if (r)
        return r;
    r = open_path(&p, l->cred, flags, out);
    path_unref(&p);
    return r;
}

/*
 * O_CREAT: make the last name, or open it if it is there. -EAGAIN: it is a link, which is followed as
 * for an existing file.
 */
static int create_last(const struct lookup *l, struct last_name *n, u32 flags, u32 mode,
                       struct file **out)
{
    struct path p = { .mnt = n->dir.mnt };
    struct new_node node = { .mode = S_IFREG_ | mode, .uid = l->cred->fsuid,
                             .gid = l->cred->fsgid };
    struct inode *dir = n->dir.dentry->inode;
    int r = lookup_one(n->dir.dentry, n->name, n->len, "", &p.dentry);

    if (r)
        return r;
    if (!p.dentry->inode) {
        mutex_lock(&dir->lock);
        r = name_again(n, &p.dentry);
        if (r || p.dentry->inode) { /* made by somebody else meanwhile */
        } else if (n->dir.mnt->readonly) {
            r = -EROFS;
        } else {
            r = inode_permission(dir, l->cred, 3);
            if (r == 0)
                r = fs_make(n, p.dentry, l->cred, &node);
            if (r == 0) {
                mutex_unlock(&dir->lock);
                /* The new file may be written whatever its mode says. */
                r = inode_open(&p, flags & ~(u32)(O_CREAT | O_EXCL | O_TRUNC), out);
                path_unref(&p);
                return r;
            }
        }
        mutex_unlock(&dir->lock);
        if (r) {
            path_unref(&p);
            return r;
        }
    }
    if (flags & O_EXCL) {
        r = -EEXIST;
    } else if (inode_type(p.dentry->inode) == S_IFLNK_) {
        r = flags & O_NOFOLLOW ? -ELOOP : -EAGAIN;
    } else {
        path_enter_mounts(&p);
        if (p.mnt != n->dir.mnt && (l->resolve & RESOLVE_NO_XDEV))
            r = -EXDEV;
        else if (inode_is_dir(p.dentry->inode))
            r = -EISDIR;
        else
            r = protected_create(dir, p.dentry->inode, l->cred);
        if (r == 0)
            r = open_path(&p, l->cred, flags, out);
    }
    path_unref(&p);
    return r;
}

/* A link as the last name: open what it names, or make that. */
static int create_behind_link(const struct lookup *l, struct last_name *n, u32 flags, u32 mode,
                              u32 depth, struct file **out);

/* What ends in a dot, or is only slashes, names a directory, or nothing within l->resolve. */
static int no_file(const struct lookup *l, const char *name)
{
    struct path p;
    int r = path_lookup(l, name, &p);

    if (r)
        return r;
    path_unref(&p);
    return -EISDIR;
}

static int create(const struct lookup *l, const char *name, u32 flags, u32 mode, u32 depth,
                  struct file **out)
{
    struct last_name *n = kmalloc(sizeof(*n));
    int r;

    if (!n)
        return -ENOMEM;
    r = path_lookup_parent(l, name, n);
    if (r == 0) {
        if (n->special)
            r = no_file(l, name);
        else
            r = n->trailing ? -EISDIR : create_last(l, n, flags, mode, out);
        if (r == -EAGAIN)
            r = create_behind_link(l, n, flags, mode, depth, out);
        path_unref(&n->dir);
    }
    kfree(n);
    return r;
}

/* A link that leads to an object itself: there is nothing to make. */
static int open_behind_link(const struct lookup *l, const struct last_name *n, struct dentry *d,
                            u32 flags, struct file **out)
{
    struct path p;
    int r = link_follow(l, d->inode, n->dir.mnt, &p);

    if (r)
        return r;
    r = inode_is_dir(p.dentry->inode) ? -EISDIR : open_path(&p, l->cred, flags, out);
    path_unref(&p);
    return r;
}

static int create_behind_link(const struct lookup *l, struct last_name *n, u32 flags, u32 mode,
                              u32 depth, struct file **out)
{
    struct lookup at = *l;
    char *text = kmalloc(PATH_MAX_ + 1);
    struct dentry *d = NULL;
    s64 len;
    int r;

    if (!text)
        return -ENOMEM;
    r = depth == LINK_DEPTH || (l->resolve & RESOLVE_NO_SYMLINKS)
            ? -ELOOP
            : lookup_one(n->dir.dentry, n->name, n->len, "", &d);
    if (r == 0 && d->inode)
        r = protected_follow(n->dir.dentry->inode, d->inode, l->cred);
    if (r) {
        if (d)
            dentry_unref(d);
    } else if (d->inode && d->inode->ops->follow) {
        r = open_behind_link(l, n, d, flags, out);
        dentry_unref(d);
    } else {
        len = d->inode && inode_type(d->inode) == S_IFLNK_
                  ? d->inode->ops->readlink(d->inode, text, PATH_MAX_)
                  : -ENOENT;
        dentry_unref(d);
        if (len < 0) {
            r = (int)len;
        } else {
            text[len] = 0;
            at.base = &n->dir;
            at.behind_link = true;
            r = create(&at, text, flags, mode, depth + 1, out);
        }
    }
    kfree(text);
    return r;
}

/* Make the file, and a dentry that is in no table. */
static int make_nameless(const struct path *dir, const struct cred *c, u32 mode, bool linkable,
                         struct dentry **out)
{
    struct new_node node = { .mode = S_IFREG_ | mode, .uid = c->fsuid, .gid = c->fsgid };
    struct inode *d = dir->dentry->inode, *i;
    char name[24];
    int r;

    if (!d->ops->tmpfile)
        return -EOPNOTSUPP;
    fs_inherit(d, c, &node);
    r = d->ops->tmpfile(d, &node, linkable, &i);
    if (r)
        return r;
    i->nlink = 0;
    i->linkable = linkable;
    /* As Linux shows it in /proc. */
    *out = dentry_create(dir->dentry, name, (u32)str_printf(name, sizeof(name), "#%lu", i->ino), i);
    if (!*out)
        inode_unref(i);
    return *out ? 0 : -ENOMEM;
}

/* O_TMPFILE: `name` is a directory of the file system that the file is to be in. */
static int open_nameless(const struct lookup *l, const char *name, u32 flags, u32 mode,
                         struct file **out)
{
    struct lookup own = *l;
    struct path dir, p;
    int r;

    own.flags = (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | LOOKUP_DIRECTORY;
    r = path_lookup(&own, name, &dir);
    if (r)
        return r;
    r = dir.mnt->readonly ? -EROFS : inode_permission(dir.dentry->inode, l->cred, 3);
    if (r == 0) {
        p.mnt = dir.mnt;
        r = make_nameless(&dir, l->cred, mode, !(flags & O_EXCL), &p.dentry);
    }
    if (r == 0) {
        r = inode_open(&p, flags & ~(u32)(O_EXCL | O_NOCTTY | O_TRUNC), out);
        path_unref(&p);
    }
    path_unref(&dir);
    return r;
}

int vfs_open(const struct lookup *l, const char *name, u32 flags, u32 mode, struct file **out)
{
    struct lookup_scope scope;
    struct lookup own;
    int r;

    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_nameless(l, name, flags, mode, out);
    if (!(flags & O_CREAT) || (flags & O_PATH))
        return open_existing(l, name, flags, out);
    if (!lookup_is_scoped(l))
        return create(l, name, flags, mode, 0, out);
    r = path_scope_begin(l, &own, &scope);
    if (r == 0)
        r = create(&own, name, flags, mode, 0, out);
    path_scope_end(&scope);
    return r;
}

int vfs_open_exec(const struct lookup *l, const char *name, int flags, struct file **out)
{
    struct lookup own = *l;
    struct inode *i;
    struct file *f;
    struct path p;
    int r;

    if (!*name && (flags & AT_EMPTY_PATH) && l->base) {
        p = *l->base;
        path_ref(&p);
    } else {
        own.flags = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
        r = path_lookup(&own, name, &p);
        if (r)
            return r;
    }
    i = p.dentry->inode;
    if (inode_type(i) == S_IFLNK_)
        r = -ELOOP;
    else if (inode_type(i) != S_IFREG_)
        r = -EACCES;
    else
        r = inode_permission(i, l->cred, 1);
    if (r == 0)
        r = inode_open(&p, O_RDONLY, &f);
    path_unref(&p);
    if (r)
        return r;
    r = file_claim(f, -1);
    if (r)
        object_unref(&f->obj);
    else
        *out = f;
    return r;
}
