/* SPDX-License-Identifier: Apache-2.0 */
/* hostfs: the image's writable layer, which is in guest memory. See hostfs.h for the idea. */
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

/* --- names ---------------------------------------------------------------------------------------- */

/*
 * What is made in the image's directories is of memfs. The listing is read first: once names come and go
 * here, it tells without an exit which ones the image has.
 */
int image_make(struct inode *dir, struct dentry *d UNUSED, const struct new_node *n,
               struct inode **out)
{
    int r = hostfs_load_listing(dir);

    if (r)
        return r;
    *out = memfs_inode(dir->sb, n);
    return *out ? 0 : -ENOMEM;
}

int image_link(struct inode *dir, struct dentry *d UNUSED, struct inode *target UNUSED,
               struct dentry *from UNUSED)
{
    return hostfs_load_listing(dir);
}

int image_unlink(struct inode *dir, struct dentry *d UNUSED)
{
    return hostfs_load_listing(dir);
}

int image_rename(struct inode *from, struct dentry *a UNUSED, struct inode *to UNUSED,
                 struct dentry *b UNUSED, u32 flags UNUSED)
{
    return hostfs_load_listing(from);
}

/* Nonzero if the image's entry still shows. */
static int shows(void *arg, const char *name, u32 len, const struct rv_dirent *e UNUSED)
{
    struct dentry *d = dentry_find(arg, name, len);
    int r = !d || (d->inode && !d->upper);

    if (d)
        dentry_unref(d);
    return r;
}

int image_is_empty(struct dentry *d)
{
    struct dentry *upper;
    u64 seq = 0;
    int r = hostfs_load_listing(d->inode);

    if (r)
        return r;
    upper = dentry_next_child(d, &seq, true);
    if (upper) {
        dentry_unref(upper);
        return 0;
    }
    return !listing_each(hostfs_of(d->inode)->listing, shows, d);
}

/* --- attributes ----------------------------------------------------------------------------------- */

int image_setattr(struct inode *i, const struct attr_change *c)
{
    struct hostfs_inode *h = hostfs_of(i);
    int r = 0;

    if (!(c->mask & SET_SIZE) || !i->vmo)
        return 0;
    if (c->size < h->host_end) {
        /* The page with the new end becomes our own, so that what lies behind it can be zeros. */
        if (c->size % PAGE_SIZE) {
            u64 word;

            r = hostfs_open_host(i, c->dentry, false);
            if (r)
                return r;
            mutex_lock(&i->vmo->lock);
            r = vmo_get_page(i->vmo, c->size >> PAGE_SHIFT, true, &word);
            mutex_unlock(&i->vmo->lock);
            if (r)
                return r;
        }
        mutex_lock(&i->vmo->lock);
        h->host_end = c->size;
        mutex_unlock(&i->vmo->lock);
    }
    return vmo_resize(i->vmo, c->size);
}

/* --- files with several names --------------------------------------------------------------------- */

static struct spinlock shared_lock = SPINLOCK_INIT(RANK_LEAF);
static struct tree shared; /* hostfs_inode.by_ino, key: the host's inode number */

static struct inode *find_locked(u64 ino, u64 dev)
{
    for (struct tree_node *n = tree_ge(&shared, ino); n && n->key == ino; n = tree_next(n)) {
        struct hostfs_inode *h = container_of(n, struct hostfs_inode, by_ino);

        if (h->host_dev == dev && refs_try_get(&h->inode.refs)) /* not one that is ending */
            return &h->inode;
    }
    return NULL;
}

/*
 * An inode lives as long as its names are cached; those that were not looked up yet must find it too,
 * with what was changed. So it stays from when a name was removed until none is left.
 */
void image_name_removed(struct inode *i)
{
    struct hostfs_inode *h = hostfs_of(i);
    bool drop;

    if (!h->shared)
        return;
    spin_lock(&shared_lock);
    if (READ_ONCE(i->nlink) && !h->kept) {
        h->kept = true;
        inode_ref(i);
    }
    drop = !READ_ONCE(i->nlink) && h->kept;
    if (drop)
        h->kept = false;
    spin_unlock(&shared_lock);
    if (drop)
        inode_unref(i); /* the dentry's is still there */
}

struct inode *image_find_shared(const struct rv_attr *a)
{
    struct inode *i;

    spin_lock(&shared_lock);
    i = find_locked(a->ino, a->dev);
    spin_unlock(&shared_lock);
    return i;
}

struct inode *image_enter_shared(struct hostfs_inode *h)
{
    struct inode *there;

    spin_lock(&shared_lock);
    there = find_locked(h->inode.ino, h->host_dev);
    if (!there) {
        h->by_ino.key = h->inode.ino;
        h->shared = true;
        tree_insert(&shared, &h->by_ino);
    }
    spin_unlock(&shared_lock);
    return there;
}

void image_leave_shared(struct hostfs_inode *h)
{
    spin_lock(&shared_lock);
    if (h->shared)
        tree_remove(&shared, &h->by_ino);
    spin_unlock(&shared_lock);
}
