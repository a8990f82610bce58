/* SPDX-License-Identifier: Apache-2.0 */
/* hostfs: inodes and look-up. See hostfs.h. */
#include "fs/hostfs.h"

#include "core/string.h"
#include "fs/xattr.h"
#include "mm/slab.h"

#include <linux/fcntl.h>

#define WALK_TEXT 1024u /* bytes of path asked for at a time */
#define WALK_REPLY 16384u
#define OVERLAY_MAGIC 0x794c7630u       /* OVERLAYFS_SUPER_MAGIC */
#define OWN_INODES (UINT64_C(1) << 48)  /* numbers of what is made in memory: above the host's */

void hostfs_set_attr(struct inode *i, const struct rv_attr *a)
{
    i->ino = a->ino;
    i->mode = a->mode;
    i->uid = a->uid;
    i->gid = a->gid;
    i->nlink = a->nlink;
    i->atime = a->atime;
    i->mtime = a->mtime;
    i->ctime = a->ctime;
    i->btime = a->btime;
    i->size = a->size;
    i->blocks = a->blocks;
    if (i->vmo)
        WRITE_ONCE(i->vmo->size, a->size);
}

static void vmo_gone(struct vmo *v)
{
    kfree(container_of(v, struct hostfs_inode, vmo));
}

struct inode *hostfs_inode_create(struct superblock *sb, struct inode *dir, const char *name, u32 len,
                                  const struct rv_attr *a, u32 node, const char *text,
                                  u32 text_len)
{
    bool shareable = sb->overlay && a->nlink > 1 && (a->mode & S_IFMT_) != S_IFDIR_;
    u32 type = a->mode & S_IFMT_;
    struct hostfs_inode *h;
    struct inode *i;

    if (shareable && (i = image_find_shared(a)))
        return i;
    h = kzalloc(sizeof(*h));
    if (!h)
        return NULL;
    i = &h->inode;
    inode_init(i, sb, sb->overlay ? &hostfs_image_ops : &hostfs_volume_ops,
               type == S_IFDIR_ ? &hostfs_dir_ops
               : sb->overlay    ? &hostfs_image_file_ops
                                : &hostfs_volume_file_ops,
               a->mode);
    h->is_volume = !sb->overlay;
    if (sb->overlay)
        i->xattrs = &xattr_unasked;
    if (type == S_IFLNK_ && !(h->text = kstrndup(text, text_len)))
        goto no_memory;
    if (type == S_IFREG_ && sb->overlay) {
        h->host_name = kstrndup(name, len);
        if (!h->host_name)
            goto no_memory;
        h->host_dir = dir;
        inode_ref(dir);
    }
    h->node = node;
    h->host_size = h->host_end = a->size;
    h->host_dev = a->dev;
    if (type == S_IFREG_) {
        vmo_init(&h->vmo, a->size, &hostfs_vmo_ops, h);
        i->vmo = &h->vmo;
    }
    hostfs_set_attr(i, a);
    i->rdev = a->rdev;
    if (shareable) {
        struct inode *there = image_enter_shared(h);

        if (there) {
            inode_unref(i);
            return there;
        }
    }
    return i;

no_memory:
    kfree(h->text);
    kfree(h);
    return NULL;
}

static void hostfs_destroy(struct inode *i)
{
    struct hostfs_inode *h = hostfs_of(i);

    image_leave_shared(h);
    fifo_forget(i);
    if (h->file)
        hostcall(RV_HC_file_close, h->file, 0, 0, 0, 0, NULL);
    if (h->node)
        hostcall(RV_HC_fs_forget, h->node, 0, 0, 0, 0, NULL);
    if (h->listing)
        listing_free(h->listing);
    kfree(h->text);
    xattr_free(i->xattrs);
    if (h->host_dir)
        inode_unref(h->host_dir);
    if (i->vmo)
        vmo_unref(&h->vmo); /* mappings can outlive the inode: the memory goes with the VMO */
    else
        vmo_gone(&h->vmo);
}

struct dentry *hostfs_place(struct dentry *d, u32 *node, char name[NAME_MAX_ + 1], u32 *len)
{
    struct dentry *parent;

    spin_lock(&tree_lock);
    parent = d->parent;
    if (parent)
        dentry_ref(parent);
    *len = d->len;
    memcpy(name, d->name, d->len);
    spin_unlock(&tree_lock);
    if (parent && !READ_ONCE(d->hashed)) { /* by now the name may be another file's */
        dentry_unref(parent);
        return NULL;
    }
    *node = parent ? hostfs_of(parent->inode)->node : 0;
    return parent;
}

/* --- look-up -------------------------------------------------------------------------------------- */

/* name and the ordinary components after it, joined by single slashes; for walks of the image only. */
static u32 walk_text(char *buf, const char *name, u32 len, const char *rest)
{
    u32 n = len;

    memcpy(buf, name, len);
    while (*rest) {
        u32 k = 0;

        while (rest[k] && rest[k] != '/')
            k++;
        if (k > NAME_MAX_ || n + 1 + k > WALK_TEXT || (k == 1 && rest[0] == '.') ||
            (k == 2 && rest[0] == '.' && rest[1] == '.'))
            break;
        buf[n++] = '/';
        memcpy(buf + n, rest, k);
        n += k;
        rest += k;
        while (*rest == '/')
            rest++;
    }
    return n;
}

static void forget(u32 node)
{
    if (node)
        hostcall(RV_HC_fs_forget, node, 0, 0, 0, 0, NULL);
}

void hostfs_forget_rest(const u8 *reply, u64 pos, u64 len)
{
    while (pos + sizeof(struct rv_walk_entry) <= len) {
        const struct rv_walk_entry *e = (const void *)(reply + pos);

        forget(e->dir);
        pos += sizeof(*e) + ALIGN_UP(e->link_len, 8u);
    }
}

struct dentry *hostfs_enter(struct dentry *parent, const char *name, u32 len,
                            const struct rv_walk_entry *e, struct dentry **own)
{
    struct superblock *sb = parent->inode->sb;
    struct inode *inode = NULL;
    struct dentry *d;

    if (e->status == 0) {
        inode = hostfs_inode_create(sb, parent->inode, name, len, &e->attr, e->dir,
                                    (const char *)(e + 1), e->link_len);
        if (!inode) {
            forget(e->dir);
            return NULL;
        }
    }
    d = dentry_create(parent, name, len, inode);
    if (!d) {
        if (inode)
            inode_unref(inode);
        return NULL;
    }
    d->covers = sb->overlay && inode;
    *own = d;
    return dentry_enter(d);
}

/*
 * Make dentries from the answer, one below the other. The first one is *out; the others stay in the
 * cache. What others have entered meanwhile is kept.
 */
static int enter_answer(struct dentry *parent, const char *text, u32 text_len, const u8 *reply,
                        u64 len, struct dentry **out)
{
    struct dentry *at = parent;
    u64 pos = 0, next;
    int r = -EIO;
    u32 t = 0;

    *out = NULL;
    dentry_ref(at);
    for (; pos + sizeof(struct rv_walk_entry) <= len && t < text_len; pos = next) {
        const struct rv_walk_entry *e = (const void *)(reply + pos);
        const char *name = text + t;
        struct dentry *d, *own;
        u32 n = 0;

        while (t + n < text_len && name[n] != '/')
            n++;
        t += n + 1;
        next = pos + sizeof(*e) + ALIGN_UP(e->link_len, 8u);
        if (next > len)
            break;
        if (e->status && e->status != -ENOENT) {
            r = e->status;
            break;
        }
        d = hostfs_enter(at, name, n, e, &own);
        if (!d) {
            r = -ENOMEM;
            pos = next;
            break;
        }
        if (!*out) {
            *out = d;
            dentry_ref(d);
        }
        dentry_unref(at);
        at = d;
        /* What was there before may be another directory than the one the host went on into. */
        if (!d->inode || !inode_is_dir(d->inode) || d->mounted ||
            (d != own && (d->upper || !d->covers))) {
            pos = next;
            break;
        }
    }
    dentry_unref(at);
    hostfs_forget_rest(reply, pos, len);
    return *out ? 0 : r;
}

static int hostfs_lookup(struct dentry *parent, const char *name, u32 len, const char *rest,
                         struct dentry **out)
{
    struct hostfs_inode *h = hostfs_of(parent->inode);
    const struct rv_dirent *e = NULL;
    struct hc_io io;
    char *buf;
    u32 n;
    s64 r;

    if (!h->is_volume && !parent->inode->nlink)
        return -ENOENT; /* removed; of what the image has in it nothing is to show again */
    if (h->listing && !(e = listing_find(h->listing, name, len))) {
        *out = dentry_create(parent, name, len, NULL); /* not entered: there is no end of such names */
        return *out ? 0 : -ENOMEM;
    }
    if (e && h->beside && !*rest) {
        r = hostfs_lookup_beside(parent, e, out);
        if (r || *out)
            return (int)r;
    }
    buf = kmalloc(WALK_TEXT + WALK_REPLY);
    if (!buf)
        return -ENOMEM;
    n = walk_text(buf, name, len, h->is_volume ? "" : rest);
    hc_io_init(&io);
    hc_in(&io, buf, n);
    hc_out(&io, buf + WALK_TEXT, WALK_REPLY);
    r = hostcall(RV_HC_fs_walk, h->node, 0, 0, 0, 0, &io);
    if (r >= 0)
        r = enter_answer(parent, buf, n, (u8 *)buf + WALK_TEXT, MIN((u64)r, WALK_REPLY), out);
    kfree(buf);
    return (int)r;
}

/*
 * A volume's name is true if the host still has the same file under it; its attributes are brought up to
 * date on the way. Unknown: let the look-up say what is wrong.
 */
static bool volume_valid(struct dentry *d)
{
    char name[NAME_MAX_ + 1];
    struct {
        struct rv_walk_entry e;
        char text[PATH_MAX_];
    } *reply;
    struct dentry *parent;
    struct hc_io io;
    bool same = false;
    u32 node, len;
    s64 r;

    parent = hostfs_place(d, &node, name, &len);
    if (!parent)
        return false;
    reply = kmalloc(sizeof(*reply));
    if (reply) {
        hc_io_init(&io);
        hc_in(&io, name, len);
        hc_out(&io, reply, sizeof(*reply));
        r = hostcall(RV_HC_fs_walk, node, 0, 0, 0, 0, &io);
        if (r >= (s64)sizeof(reply->e)) {
            if (reply->e.status == -ENOENT)
                same = !d->inode;
            else if (reply->e.status == 0 && d->inode && d->inode->ino == reply->e.attr.ino &&
                     inode_type(d->inode) == (reply->e.attr.mode & S_IFMT_)) {
                same = true;
                hostfs_set_attr(d->inode, &reply->e.attr);
            }
            if (reply->e.status == 0 && reply->e.dir)
                hostcall(RV_HC_fs_forget, reply->e.dir, 0, 0, 0, 0, NULL);
        }
        kfree(reply);
    }
    dentry_unref(parent);
    return same;
}

static s64 hostfs_readlink(struct inode *i, char *buf, size_t size)
{
    struct hostfs_inode *h = hostfs_of(i);
    size_t n = MIN(size, strlen(h->text));

    memcpy(buf, h->text, n);
    return (s64)n;
}

/* --- attributes ----------------------------------------------------------------------------------- */

static int volume_getattr(struct inode *i)
{
    struct hostfs_inode *h = hostfs_of(i);
    struct rv_attr a;
    struct hc_io io;
    s64 r;

    if (!h->file) {
        if (!h->node)
            return 0; /* as of the look-up, which was just now for a path */
        hc_io_init(&io);
        memset(&a, 0, sizeof(a));
        hc_in(&io, &a, sizeof(a));
        hc_out(&io, &a, sizeof(a));
        r = hostcall(RV_HC_fs_setattr, h->node, 0, 0, 0, 0, &io);
    } else {
        hc_io_init(&io);
        hc_out(&io, &a, sizeof(a));
        r = hostcall(RV_HC_file_stat, h->file, 0, 0, 0, 0, &io);
    }
    if (r >= 0)
        hostfs_set_attr(i, &a);
    return r < 0 ? (int)r : 0;
}

static int volume_setattr(struct inode *i, const struct attr_change *c)
{
    struct hostfs_inode *h = hostfs_of(i);
    struct rv_attr a = { .mode = c->mode, .uid = c->uid, .gid = c->gid, .size = c->size,
                         .atime = c->atime, .mtime = c->mtime };
    char name[NAME_MAX_ + 1];
    struct dentry *parent = NULL;
    u32 node = h->node, len = 0;
    struct hc_io io;
    s64 r;

    STATIC_ASSERT(SET_MODE == RV_SET_MODE && SET_UID == RV_SET_UID && SET_GID == RV_SET_GID &&
                  SET_SIZE == RV_SET_SIZE && SET_ATIME == RV_SET_ATIME && SET_MTIME == RV_SET_MTIME);
    if (c->mask == SET_SIZE && h->file && h->writable) {
        r = hostcall(RV_HC_file_truncate, h->file, c->size, 0, 0, 0, NULL);
    } else {
        if (!node) {
            parent = c->dentry ? hostfs_place(c->dentry, &node, name, &len) : NULL;
            if (!parent)
                return -ENOENT;
        }
        hc_io_init(&io);
        hc_in(&io, &a, sizeof(a));
        if (len)
            hc_in(&io, name, len);
        hc_out(&io, &a, sizeof(a));
        r = hostcall(RV_HC_fs_setattr, node, c->mask, 0, 0, 0, &io);
        if (parent)
            dentry_unref(parent);
    }
    if (r >= 0 && (c->mask & SET_SIZE) && i->vmo) {
        i->size = c->size; /* volume_write sees by it what makes the file longer */
        vmo_resize(i->vmo, c->size);
    }
    return r < 0 ? (int)r : 0;
}

const struct inode_ops hostfs_image_ops = {
    .lookup = hostfs_lookup, .make = image_make, .tmpfile = memfs_tmpfile, .link = image_link,
    .unlink = image_unlink,
    .rename = image_rename, .is_empty = image_is_empty, .name_removed = image_name_removed,
    .setattr = image_setattr, .getxattr = image_getxattr, .listxattr = image_listxattr,
    .setxattr = image_setxattr,
    .open = hostfs_open, .readlink = hostfs_readlink, .destroy = hostfs_destroy,
};

const struct inode_ops hostfs_volume_ops = {
    .lookup = hostfs_lookup, .valid = volume_valid, .make = hostfs_make, .tmpfile = hostfs_tmpfile,
    .link = hostfs_link,
    .unlink = hostfs_unlink, .rename = hostfs_rename, .setattr = volume_setattr,
    .getattr = volume_getattr, .getxattr = volume_getxattr, .listxattr = volume_listxattr,
    .setxattr = volume_setxattr, .open = hostfs_open, .readlink = hostfs_readlink,
    .destroy = hostfs_destroy,
};

/* --- the whole ------------------------------------------------------------------------------------ */

static int hostfs_statfs(struct superblock *sb, struct kstatfs *st)
{
    struct rv_statfs s;
    struct hc_io io;
    s64 r;

    hc_io_init(&io);
    hc_out(&io, &s, sizeof(s));
    r = hostcall(RV_HC_fs_statfs, (u32)(u64)sb->priv, 0, 0, 0, 0, &io);
    if (r < 0)
        return (int)r;
    st->type = s.type;
    st->bsize = s.bsize;
    st->blocks = s.blocks;
    st->bfree = s.bfree;
    st->bavail = s.bavail;
    st->files = s.files;
    st->ffree = s.ffree;
    st->namelen = s.namelen;
    st->frsize = s.frsize;
    st->flags = s.flags & ~UINT64_C(0x20);
    return 0;
}

int hostfs_create(u32 node, bool is_volume, bool readonly, struct superblock **out,
                  struct dentry **root)
{
    struct superblock *sb = kzalloc(sizeof(*sb));
    struct rv_attr a;
    struct hc_io io;
    struct inode *i;
    s64 r;

    if (!sb)
        return -ENOMEM;
    memset(&a, 0, sizeof(a));
    hc_io_init(&io);
    hc_in(&io, &a, sizeof(a));
    hc_out(&io, &a, sizeof(a));
    r = hostcall(RV_HC_fs_setattr, node, 0, 0, 0, 0, &io); /* nothing to set: only the answer */
    if (r < 0)
        return (int)r;
    sb->dev = superblock_new_dev();
    sb->readonly = readonly;
    sb->overlay = !is_volume;
    sb->asks = is_volume;
    sb->magic = OVERLAY_MAGIC;
    sb->last_ino = OWN_INODES;
    sb->statfs = is_volume ? hostfs_statfs : memfs_statfs;
    sb->priv = (void *)(u64)node;
    i = hostfs_inode_create(sb, NULL, "", 0, &a, node, NULL, 0);
    *root = i ? dentry_create(NULL, "/", 1, i) : NULL;
    if (!*root)
        return -ENOMEM;
    *out = sb;
    return 0;
}
