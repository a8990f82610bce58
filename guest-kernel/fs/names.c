/* SPDX-License-Identifier: Apache-2.0 */
/* Making, linking, renaming and removing names. */
#include "core/string.h"
#include "fs/notify.h"
#include "mm/slab.h"

#include <linux/fs.h>

/* May the directory be changed? sticky(7): only owners remove from a sticky directory. */
static int may_change(const struct path *dir, const struct cred *c)
{
    if (dir->mnt->readonly)
        return -EROFS;
    return inode_permission(dir->dentry->inode, c, 3);
}

static int may_remove(const struct path *dir, const struct inode *victim, const struct cred *c)
{
    const struct inode *d = dir->dentry->inode;

    if ((d->mode & S_ISVTX_) && c->fsuid != victim->uid && c->fsuid != d->uid &&
        !cred_has(c, CAP_FOWNER_))
        return -EPERM;
    return 0;
}

int name_again(struct last_name *n, struct dentry **d)
{
    struct dentry *dir = n->dir.dentry, *there;

    if (!dir->inode->nlink)
        return -ENOENT; /* the directory itself was removed */
    if ((*d)->hashed && (*d)->parent == dir && (*d)->len == n->len &&
        !memcmp((*d)->name, n->name, n->len))
        return 0;
    there = dentry_find(dir, n->name, n->len);
    if (!there)
        there = dentry_create(dir, n->name, n->len, NULL);
    if (!there)
        return -ENOMEM;
    dentry_unref(*d);
    *d = there;
    return 0;
}

/* The dentry of the last name, perhaps negative; the directory is locked from here on. */
static int lock_and_find(struct last_name *n, struct dentry **out)
{
    struct inode *dir = n->dir.dentry->inode;
    int r = lookup_one(n->dir.dentry, n->name, n->len, "", out);

    if (r)
        return r;
    mutex_lock(&dir->lock);
    r = name_again(n, out);
    if (r) {
        mutex_unlock(&dir->lock);
        dentry_unref(*out);
    }
    return r;
}

static void unlock_and_drop(struct last_name *n, struct dentry *d)
{
    mutex_unlock(&n->dir.dentry->inode->lock);
    dentry_unref(d);
}

/* --- making --------------------------------------------------------------------------------------- */

/* Enter what the file system made under a negative dentry. */
static void enter(struct dentry *d, struct inode *inode, bool pinned)
{
    struct dentry *there;

    d->pinned = pinned;
    d->upper = inode->sb->overlay;
    dentry_set_inode(d, inode);
    if (d->hashed)
        return;
    dentry_ref(d);
    there = dentry_enter(d);
    dentry_unref(there);
}

void fs_inherit(const struct inode *dir, const struct cred *c, struct new_node *node)
{
    const u32 program = S_ISGID_ | 010;

    if (!(dir->mode & S_ISGID_))
        return;
    node->gid = dir->gid;
    if ((node->mode & S_IFMT_) == S_IFDIR_)
        node->mode |= S_ISGID_;
    else if ((node->mode & program) == program && !cred_may_set_gid(c, dir->gid))
        node->mode &= ~S_ISGID_;
}

int fs_make(struct last_name *n, struct dentry *d, const struct cred *c, const struct new_node *node)
{
    struct inode *dir = n->dir.dentry->inode, *inode;
    struct new_node own = *node;
    int r;

    if (!dir->ops->make)
        return -EROFS;
    fs_inherit(dir, c, &own);
    r = dir->ops->make(dir, d, &own, &inode);
    if (r)
        return r;
    enter(d, inode, !dir->ops->lookup);
    if ((own.mode & S_IFMT_) == S_IFDIR_)
        dir->nlink++;
    dir->mtime = dir->ctime = fs_now();
    notify_created(dir, d);
    return 0;
}

/* made: where it is, with references, or NULL. */
static int make(const struct lookup *l, const char *name, struct new_node *node, struct path *made)
{
    struct last_name n;
    struct dentry *d;
    int r = path_lookup_parent(l, name, &n);

    if (r)
        return r;
    node->uid = l->cred->fsuid;
    node->gid = l->cred->fsgid;
    if (n.special) {
        r = -EEXIST;
    } else {
        r = lock_and_find(&n, &d);
        if (r == 0) {
            if (d->inode)
                r = -EEXIST;
            else if (n.trailing && (node->mode & S_IFMT_) != S_IFDIR_)
                r = -ENOENT;
            else
                r = may_change(&n.dir, l->cred);
            if (r == 0)
                r = fs_make(&n, d, l->cred, node);
            if (r == 0 && made) {
                *made = (struct path){ n.dir.mnt, d };
                path_ref(made);
            }
            unlock_and_drop(&n, d);
        }
    }
    path_unref(&n.dir);
    return r;
}

int vfs_mkdir(const struct lookup *l, const char *name, u32 mode)
{
    struct new_node n = { .mode = S_IFDIR_ | mode };

    return make(l, name, &n, NULL);
}

int vfs_mknod(const struct lookup *l, const char *name, u32 mode, u64 dev)
{
    struct new_node n = { .mode = mode, .rdev = dev };

    return make(l, name, &n, NULL);
}

int vfs_make_socket(const struct lookup *l, const char *name, u32 mode, struct path *out)
{
    struct new_node n = { .mode = mode };

    return make(l, name, &n, out);
}

int vfs_symlink(const char *text, const struct lookup *l, const char *name)
{
    struct new_node n = { .mode = S_IFLNK_ | 0777, .text = text };

    return make(l, name, &n, NULL);
}

int vfs_link(const struct path *from, const struct lookup *l, const char *name)
{
    struct inode *target = from->dentry->inode, *dir;
    struct last_name n;
    struct dentry *d;
    int r = path_lookup_parent(l, name, &n);

    if (r)
        return r;
    dir = n.dir.dentry->inode;
    r = n.special ? -EEXIST : lock_and_find(&n, &d);
    if (r == 0) {
        if (d->inode)
            r = -EEXIST;
        else if (n.dir.mnt != from->mnt)
            r = -EXDEV;
        else
            r = protected_link(target, l->cred);
        if (r == 0)
            r = may_change(&n.dir, l->cred);
        if (r == 0 && inode_is_dir(target))
            r = -EPERM;
        if (r == 0 && !READ_ONCE(target->nlink) && !READ_ONCE(target->linkable))
            r = -ENOENT; /* the last name is gone */
        if (r == 0)
            r = dir->ops->link ? dir->ops->link(dir, d, target, from->dentry) : -EROFS;
        if (r == 0) {
            inode_ref(target);
            enter(d, target, !dir->ops->lookup);
            __atomic_fetch_add(&target->nlink, 1, __ATOMIC_RELAXED);
            WRITE_ONCE(target->linkable, false); /* once */
            target->ctime = dir->mtime = dir->ctime = fs_now();
            notify_self(target, NOTIFY_ATTRIB);
            notify_created(dir, d);
        }
        unlock_and_drop(&n, d);
    }
    path_unref(&n.dir);
    return r;
}

/* --- removing ------------------------------------------------------------------------------------- */

/* Whether a directory that is about to go is empty; it is locked. 0, -ENOTEMPTY or the reason. */
static int check_empty(struct dentry *d)
{
    int r = d->inode->ops->is_empty ? d->inode->ops->is_empty(d) : 1;

    return r < 0 ? r : r ? 0 : -ENOTEMPTY;
}

/*
 * Where the image has an entry of this name, a negative dentry must stay in its place. Made before
 * anything is changed; *out NULL: none is needed.
 */
static int make_whiteout(const struct dentry *d, struct dentry **out)
{
    *out = NULL;
    if (!d->covers)
        return 0;
    *out = dentry_create(d->parent, d->name, d->len, NULL);
    if (!*out)
        return -ENOMEM;
    (*out)->covers = true;
    return 0;
}

static void enter_whiteout(struct dentry *whiteout)
{
    if (whiteout)
        dentry_unref(dentry_enter(whiteout));
}

/*
 * A name goes: its dentry leaves the table; the inode lives on with its users. A directory is locked.
 * replaced: another takes its place.
 */
static void removed(struct inode *dir, struct dentry *d, bool replaced)
{
    struct inode *i = d->inode;

    if (inode_is_dir(i)) {
        i->nlink = 0;
        dir->nlink--;
    } else {
        __atomic_fetch_sub(&i->nlink, 1, __ATOMIC_RELAXED);
    }
    i->ctime = dir->mtime = dir->ctime = fs_now();
    if (i->ops->name_removed)
        i->ops->name_removed(i);
    if (inode_is_dir(i))
        dentry_drop_children(d);
    dentry_drop(d);
    notify_removed(dir, d, replaced);
}

static int remove_checked(struct last_name *n, struct dentry *d, const struct cred *c, bool dir)
{
    struct inode *parent = n->dir.dentry->inode;
    struct dentry *whiteout;
    int r;

    if (!d->inode)
        return -ENOENT;
    r = may_change(&n->dir, c);
    if (r == 0)
        r = may_remove(&n->dir, d->inode, c);
    if (r)
        return r;
    if (dir && !inode_is_dir(d->inode))
        return -ENOTDIR;
    if (!dir && inode_is_dir(d->inode))
        return -EISDIR;
    if (!dir && n->trailing)
        return -ENOTDIR;
    if (d->mounted)
        return -EBUSY;
    if (!parent->ops->unlink)
        return -EROFS;
    r = make_whiteout(d, &whiteout);
    if (r)
        return r;
    if (dir)
        mutex_lock(&d->inode->lock);
    r = dir ? check_empty(d) : 0;
    if (r == 0)
        r = parent->ops->unlink(parent, d);
    if (r == 0)
        removed(parent, d, false);
    if (dir)
        mutex_unlock(&d->inode->lock);
    if (r == 0)
        enter_whiteout(whiteout);
    else if (whiteout)
        dentry_unref(whiteout);
    return r;
}

static int remove(const struct lookup *l, const char *name, bool dir)
{
    struct last_name n;
    struct dentry *d;
    int r = path_lookup_parent(l, name, &n);

    if (r)
        return r;
    if (n.special) {
        if (!dir)
            r = -EISDIR;
        else
            r = n.len == 0 ? -EBUSY : n.len == 1 ? -EINVAL : -ENOTEMPTY;
    } else {
        if (dir)
            mutex_lock(&rename_mutex); /* whoever locks several directories */
        r = lock_and_find(&n, &d);
        if (r == 0) {
            r = remove_checked(&n, d, l->cred, dir);
            unlock_and_drop(&n, d);
        }
        if (dir)
            mutex_unlock(&rename_mutex);
    }
    path_unref(&n.dir);
    return r;
}

int vfs_unlink(const struct lookup *l, const char *name)
{
    return remove(l, name, false);
}

int vfs_rmdir(const struct lookup *l, const char *name)
{
    return remove(l, name, true);
}

/* --- renaming ------------------------------------------------------------------------------------- */

static void lock_two(struct inode *a, struct inode *b)
{
    if (a == b) {
        mutex_lock(&a->lock);
    } else {
        mutex_lock(a < b ? &a->lock : &b->lock);
        mutex_lock(a < b ? &b->lock : &a->lock);
    }
}

static void unlock_two(struct inode *a, struct inode *b)
{
    mutex_unlock(&a->lock);
    if (a != b)
        mutex_unlock(&b->lock);
}

/* Is `d` below (or the same as) `top`? rename_mutex held. */
static bool is_below(struct dentry *d, const struct dentry *top)
{
    for (; d; d = d->parent)
        if (d == top)
            return true;
    return false;
}

static int rename_checks(struct last_name *a, struct dentry *from, struct last_name *b,
                         struct dentry *to, const struct cred *c, u32 flags)
{
    bool dir;
    int r;

    if (!from->inode)
        return -ENOENT;
    dir = inode_is_dir(from->inode);
    if ((a->trailing || b->trailing) && !dir)
        return -ENOTDIR;
    if (to->inode && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    if (!to->inode && (flags & RENAME_EXCHANGE))
        return -ENOENT;
    r = may_change(&a->dir, c);
    if (r == 0)
        r = may_change(&b->dir, c);
    if (r == 0)
        r = may_remove(&a->dir, from->inode, c);
    if (r == 0 && to->inode)
        r = may_remove(&b->dir, to->inode, c);
    if (r)
        return r;
    if (is_below(b->dir.dentry, from))
        return -EINVAL;
    if (is_below(a->dir.dentry, to))
        return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    if (from->mounted || to->mounted)
        return -EBUSY;
    if (to->inode && !(flags & RENAME_EXCHANGE)) {
        if (dir && !inode_is_dir(to->inode))
            return -ENOTDIR;
        if (!dir && inode_is_dir(to->inode))
            return -EISDIR;
    }
    return a->dir.dentry->inode->ops->rename ? 0 : -EROFS;
}

static void exchange(struct dentry *a, struct dentry *b)
{
    bool covers = a->covers;

    a->covers = b->covers;
    b->covers = covers;
    a->upper = b->upper = a->inode->sb->overlay;
    dentry_exchange(a, b);
}

static int rename_locked(struct last_name *a, struct dentry *from, struct last_name *b,
                         struct dentry *to, u32 flags)
{
    struct inode *ai = a->dir.dentry->inode, *bi = b->dir.dentry->inode;
    bool dir = inode_is_dir(from->inode), replaces_dir;
    struct dentry *whiteout = NULL;
    char *name = NULL;
    int r;

    /* rename(2): two names of one inode stay as they are. */
    if (to->inode == from->inode)
        return 0;
    if (!(flags & RENAME_EXCHANGE)) {
        name = kstrndup(b->name, b->len);
        if (!name)
            return -ENOMEM;
        r = make_whiteout(from, &whiteout);
        if (r) {
            kfree(name);
            return r;
        }
    }
    replaces_dir = dir && to->inode && !(flags & RENAME_EXCHANGE);
    if (replaces_dir)
        mutex_lock(&to->inode->lock);
    r = replaces_dir ? check_empty(to) : 0;
    if (r == 0)
        r = ai->ops->rename(ai, from, bi, to, flags);
    if (r) {
        if (replaces_dir)
            mutex_unlock(&to->inode->lock);
        if (whiteout)
            dentry_unref(whiteout);
        kfree(name);
        return r;
    }
    if (flags & RENAME_EXCHANGE) {
        if (dir != inode_is_dir(to->inode) && ai != bi) {
            ai->nlink += dir ? -1u : 1u;
            bi->nlink += dir ? 1u : -1u;
        }
        exchange(from, to);
    } else {
        if (to->inode)
            removed(bi, to, true);
        else
            dentry_drop(to);
        if (replaces_dir)
            mutex_unlock(&to->inode->lock);
        if (dir && ai != bi) {
            ai->nlink--;
            bi->nlink++;
        }
        from->pinned = !bi->ops->lookup;
        from->upper = bi->sb->overlay;
        from->covers = to->covers;
        dentry_move(from, b->dir.dentry, name, b->len);
        enter_whiteout(whiteout);
    }
    ai->mtime = ai->ctime = bi->mtime = bi->ctime = from->inode->ctime = fs_now();
    notify_moved(ai, a->name, a->len, bi, from);
    if (flags & RENAME_EXCHANGE)
        notify_moved(bi, b->name, b->len, ai, to);
    return 0;
}

int vfs_rename(const struct lookup *l1, const char *name1, const struct lookup *l2,
               const char *name2, u32 flags)
{
    struct last_name a, b;
    struct dentry *from, *to = NULL;
    int r = path_lookup_parent(l1, name1, &a);

    if (r)
        return r;
    r = path_lookup_parent(l2, name2, &b);
    if (r) {
        path_unref(&a.dir);
        return r;
    }
    if (a.special || b.special)
        r = -EBUSY;
    else if (a.dir.mnt != b.dir.mnt)
        r = -EXDEV;
    if (r == 0)
        r = lookup_one(a.dir.dentry, a.name, a.len, "", &from);
    if (r == 0) {
        r = lookup_one(b.dir.dentry, b.name, b.len, "", &to);
        if (r == 0) {
            struct inode *ai = a.dir.dentry->inode, *bi = b.dir.dentry->inode;

            mutex_lock(&rename_mutex);
            lock_two(ai, bi);
            r = name_again(&a, &from);
            if (r == 0)
                r = name_again(&b, &to);
            if (r == 0)
                r = rename_checks(&a, from, &b, to, l1->cred, flags);
            if (r == 0)
                r = rename_locked(&a, from, &b, to, flags);
            unlock_two(ai, bi);
            mutex_unlock(&rename_mutex);
            dentry_unref(to);
        }
        dentry_unref(from);
    }
    path_unref(&a.dir);
    path_unref(&b.dir);
    return r;
}

s64 vfs_readlink(const struct path *p, char *buf, size_t size)
{
    struct inode *i = p->dentry->inode;

    if (inode_type(i) != S_IFLNK_)
        return -EINVAL;
    return i->ops->readlink(i, buf, size);
}

int vfs_chdir(const struct path *p, const struct cred *c, struct fs_context *fs, bool root)
{
    struct path old;
    int r;

    if (!inode_is_dir(p->dentry->inode))
        return -ENOTDIR;
    r = inode_permission(p->dentry->inode, c, 1);
    if (r)
        return r;
    path_ref(p);
    mutex_lock(&fs->lock);
    old = root ? fs->root : fs->cwd;
    *(root ? &fs->root : &fs->cwd) = *p;
    mutex_unlock(&fs->lock);
    path_unref(&old);
    return 0;
}
