/* SPDX-License-Identifier: Apache-2.0 */
/* hostfs: directories, which are read whole. The image's listings are kept with the inode. */
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

#define LISTING_PART 65536u

struct part {
    struct part *next;
    u32 len; /* bytes of entries */
    u8 data[];
};

struct listing {
    u32 refs;
    struct part *first;
};

static void listing_put(struct listing *l)
{
    if (__atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (struct part *p = l->first, *next; p; p = next) {
        next = p->next;
        kfree(p);
    }
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

/* The listing for an open directory, taken at its first use and after a rewind. */
static int get_listing(struct file *f)
{
    struct inode *i = f->inode;
    struct hostfs_inode *h = hostfs_of(i);
    struct listing *l;
    int err = 0;

    if (f->priv && f->pos > 2)
        return 0;
    if (f->priv) {
        listing_put(f->priv);
        f->priv = NULL;
    }
    mutex_lock(&i->lock);
    l = h->listing;
    if (!l) {
        l = read_all(h->node, &err);
        if (l && !h->is_volume)
            h->listing = l;
    }
    if (l) {
        if (l == h->listing)
            __atomic_fetch_add(&l->refs, 1, __ATOMIC_RELAXED);
        f->priv = l;
    }
    mutex_unlock(&i->lock);
    return err < 0 ? err : 0;
}

/* Mount points that the host does not have come after the host's names. */
static int fill_synthetic(struct file *f, u64 *n, readdir_fill *fill, void *arg)
{
    struct dentry *d = f->path.dentry, *c;
    u64 seq = 0;

    for (;;) {
        struct dentry *found = NULL;
        int stop = 0;

        spin_lock(&d->lock);
        list_for_each(c, &d->ordered, sibling) {
            if (c->synthetic && c->seq > seq) {
                found = c;
                seq = c->seq;
                break;
            }
        }
        spin_unlock(&d->lock);
        if (!found)
            return 0; /* synthetic dentries stay for good: no reference is needed */
        if (++*n > f->pos - 2) {
            stop = fill(arg, found->name, found->len, found->inode->ino,
                        (u8)(inode_type(found->inode) >> 12), *n + 2);
            if (stop)
                return 1;
            f->pos = *n + 2;
        }
    }
}

/* Positions: 0 and 1 the dots, then 2 + the number of the entry. */
static int hostfs_readdir(struct file *f, readdir_fill *fill, void *arg)
{
    u64 n = 0;
    int r;

    r = get_listing(f);
    if (r)
        return r;
    if (readdir_dots(f, fill, arg))
        return 0;
    for (struct part *p = ((struct listing *)f->priv)->first; p; p = p->next) {
        u32 at = 0;

        while (at + sizeof(struct rv_dirent) <= p->len) {
            const struct rv_dirent *e = (const void *)(p->data + at);

            at += ALIGN_UP((u32)sizeof(*e) + e->name_len, 8u);
            if (at > p->len)
                return -EIO;
            if (++n <= f->pos - 2)
                continue;
            if (fill(arg, (const char *)(e + 1), e->name_len, e->ino, e->type, n + 2))
                return 0;
            f->pos = n + 2;
        }
    }
    fill_synthetic(f, &n, fill, arg);
    return 0;
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
