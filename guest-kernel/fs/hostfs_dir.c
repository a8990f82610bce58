/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: directories, which are read whole. The image's listings are kept with the inode, with a table
 * of their names by hash, so that a look-up of what the image does not have makes no exit.
 */
#include "core/refs.h"
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

#define LISTING_PART 65536u

struct part {
    struct part *next;
    u32 len; /* bytes of entries */
    u8 data[] __attribute__((aligned(8))); /* struct rv_dirent */
};

struct listing {
    u32 refs;
    u32 count;                       /* names */
    u32 mask;                        /* places of the table - 1 */
    const struct rv_dirent **table;  /* open addressing; NULL: not made (volumes) */
    struct part *first;
};

#define UPPER_POS (UINT64_C(1) << 40) /* position of the first name that is only in memory */

static void listing_put(struct listing *l)
{
    if (!refs_put(&l->refs))
        return;
    for (struct part *p = l->first, *next; p; p = next) {
        next = p->next;
        kfree(p);
    }
    kfree(l->table);
    kfree(l);
}

void listing_free(struct listing *l)
{
    listing_put(l);
}

/* One answer of fs_readdir as a part of its own size; NULL with *err at the end (0) or on failure. */
static struct part *read_part(u32 node, u64 *pos, u8 *buf, s64 *err)
{
    struct hc_io io;
    struct part *p;
    u64 next;

    *err = 0;
    if (*pos == RV_READDIR_END)
        return NULL;
    hc_io_init(&io);
    hc_out(&io, buf, LISTING_PART);
    *err = hostcall(RV_HC_fs_readdir, node, *pos, 0, 0, 0, &io);
    if (*err <= 0)
        return NULL;
    if (*err < 8 || *err > (s64)LISTING_PART) {
        *err = -EIO;
        return NULL;
    }
    p = kmalloc(sizeof(*p) + (u64)*err);
    if (!p) {
        *err = -ENOMEM;
        return NULL;
    }
    p->next = NULL;
    p->len = (u32)*err - 8;
    memcpy(p->data, buf, p->len);
    memcpy(&next, buf + p->len, 8);
    *pos = next;
    return p;
}

static struct listing *read_all(u32 node, int *err)
{
    struct listing *l = kzalloc(sizeof(*l));
    u8 *buf = kmalloc(LISTING_PART);
    struct part **end;
    u64 pos = 0;
    s64 r = -ENOMEM;

    if (l && buf) {
        l->refs = 1;
        end = &l->first;
        while ((*end = read_part(node, &pos, buf, &r)))
            end = &(*end)->next;
    }
    kfree(buf);
    if (r < 0 && l) {
        if (l->refs)
            listing_put(l);
        else
            kfree(l);
    }
    *err = (int)r;
    return r < 0 ? NULL : l;
}

int listing_each(const struct listing *l,
                 int (*each)(void *arg, const char *name, u32 len, const struct rv_dirent *e),
                 void *arg)
{
    for (const struct part *p = l->first; p; p = p->next) {
        for (u32 at = 0; at + sizeof(struct rv_dirent) <= p->len;) {
            const struct rv_dirent *e = (const void *)(p->data + at);
            int r;

            at += ALIGN_UP((u32)sizeof(*e) + e->name_len, 8u);
            if (at > p->len || !e->name_len || e->name_len > NAME_MAX_)
                return -EIO;
            r = each(arg, (const char *)(e + 1), e->name_len, e);
            if (r)
                return r;
        }
    }
    return 0;
}

static int count_name(void *arg, const char *name UNUSED, u32 len UNUSED,
                      const struct rv_dirent *e UNUSED)
{
    ((struct listing *)arg)->count++;
    return 0;
}

static int enter_name(void *arg, const char *name, u32 len, const struct rv_dirent *e)
{
    struct listing *l = arg;
    u32 at = (u32)name_hash(name, len) & l->mask;

    while (l->table[at])
        at = (at + 1) & l->mask;
    l->table[at] = e;
    return 0;
}

static int make_table(struct listing *l)
{
    u32 places = 8;
    int r = listing_each(l, count_name, l);

    if (r)
        return r;
    while (places < l->count * 2)
        places *= 2;
    if (places * sizeof(*l->table) > KMALLOC_MAX)
        return -ENOMEM;
    l->table = kzalloc(places * sizeof(*l->table));
    if (!l->table)
        return -ENOMEM;
    l->mask = places - 1;
    return listing_each(l, enter_name, l);
}

const struct rv_dirent *listing_find(const struct listing *l, const char *name, u32 len)
{
    u32 at = (u32)name_hash(name, len) & l->mask;

    for (; l->table[at]; at = (at + 1) & l->mask)
        if (l->table[at]->name_len == len && !memcmp(l->table[at] + 1, name, len))
            return l->table[at];
    return NULL;
}

const struct rv_dirent *listing_next(const struct listing *l, const struct rv_dirent *e)
{
    const struct part *p = l->first;
    const u8 *next = (const u8 *)e + ALIGN_UP((u32)sizeof(*e) + e->name_len, 8u);

    while (p && ((const u8 *)e < p->data || (const u8 *)e >= p->data + p->len))
        p = p->next;
    if (!p || next + sizeof(*e) <= p->data + p->len)
        return p ? (const void *)next : NULL;
    return p->next ? (const void *)p->next->data : NULL;
}

int hostfs_load_listing(struct inode *dir)
{
    struct hostfs_inode *h = hostfs_of(dir);
    struct listing *l;
    int r = 0;

    if (h->listing)
        return 0;
    l = read_all(h->node, &r);
    if (!l)
        return r;
    r = make_table(l);
    if (r)
        listing_put(l);
    else
        h->listing = l;
    return r;
}

/* The listing for an open directory, taken at its first use and after a rewind. */
static int get_listing(struct file *f)
{
    struct inode *i = f->inode;
    struct hostfs_inode *h = hostfs_of(i);
    int err = 0;

    if (f->priv && f->pos > 2)
        return 0;
    if (f->priv) {
        listing_put(f->priv);
        f->priv = NULL;
    }
    mutex_lock(&i->lock);
    if (h->is_volume) {
        f->priv = read_all(h->node, &err);
    } else {
        err = hostfs_load_listing(i);
        if (!err) {
            refs_get(&h->listing->refs);
            f->priv = h->listing;
            h->beside = MAX(h->beside, 1u);
        }
    }
    mutex_unlock(&i->lock);
    return err < 0 ? err : 0;
}

/* Names that are only in memory come after the host's. */
static void fill_upper(struct file *f, readdir_fill *fill, void *arg)
{
    u64 seq = f->pos < UPPER_POS ? 0 : f->pos - UPPER_POS;

    for (;; seq++) {
        struct dentry *c = dentry_next_child(f->path.dentry, &seq, true);
        char name[NAME_MAX_ + 1];
        u32 len;
        int stop;

        if (!c)
            return;
        spin_lock(&tree_lock);
        len = c->len;
        memcpy(name, c->name, len);
        spin_unlock(&tree_lock);
        stop = fill(arg, name, len, c->inode->ino, (u8)(inode_type(c->inode) >> 12),
                    UPPER_POS + seq + 1);
        dentry_unref(c);
        if (stop)
            return;
        f->pos = UPPER_POS + seq + 1;
    }
}

struct filling {
    struct file *f;
    readdir_fill *fill;
    void *arg;
    u64 n; /* entries passed */
};

/* An entry of the host's, unless something in memory lies over it. */
static int fill_entry(void *arg, const char *name, u32 len, const struct rv_dirent *e)
{
    struct filling *t = arg;
    struct file *f = t->f;
    bool hidden = false;

    if (++t->n <= f->pos - 2)
        return 0;
    if (f->inode->sb->overlay) {
        struct dentry *d = dentry_find(f->path.dentry, name, len);

        if (d) {
            hidden = !d->inode || d->upper;
            dentry_unref(d);
        }
    }
    if (!hidden && t->fill(t->arg, name, len, e->ino, e->type, t->n + 2))
        return 1;
    f->pos = t->n + 2;
    return 0;
}

/* Positions: 0 and 1 the dots, then 2 + the number of the host's entry, then UPPER_POS + seq. */
static int hostfs_readdir(struct file *f, readdir_fill *fill, void *arg)
{
    struct filling t = { f, fill, arg, 0 };
    int r;

    if (f->inode->sb->overlay && !f->inode->nlink)
        return -ENOENT; /* removed */
    r = get_listing(f);
    if (r)
        return r;
    if (readdir_dots(f, fill, arg))
        return 0;
    r = f->pos < UPPER_POS ? listing_each(f->priv, fill_entry, &t) : 0;
    if (r == 0)
        fill_upper(f, fill, arg);
    return r < 0 ? r : 0;
}

static int dir_sync(struct file *f, bool data_only UNUSED)
{
    struct hostfs_inode *h = hostfs_of(f->inode);

    return h->is_volume ? (int)hostcall(RV_HC_fs_sync, h->node, 0, 0, 0, 0, NULL) : 0;
}

static void dir_release(struct file *f)
{
    if (f->priv)
        listing_put(f->priv);
}

const struct file_ops hostfs_dir_ops = {
    .read = dir_read, .readdir = hostfs_readdir, .seek = dir_seek, .sync = dir_sync,
    .release = dir_release,
};
