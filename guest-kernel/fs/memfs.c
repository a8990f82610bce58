/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system in guest memory: tmpfs(5). Its names are pinned dentries and nothing else; contents are
 * anonymous VMOs. No operation makes an exit.
 */
#include "core/string.h"
#include "fs/xattr.h"
#include "mm/frame.h"
#include "mm/slab.h"

#include <linux/fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>

struct memfs_inode {
    struct inode inode;
    union {           /* so that it is 256 bytes, which is what the allocator has */
        struct vmo vmo; /* regular files; its references keep the inode's memory */
        char *text;     /* links */
    };
};

static struct memfs_inode *of(struct inode *i)
{
    return container_of(i, struct memfs_inode, inode);
}

/* Mappings can outlive the inode: the memory goes with the VMO. */
static void vmo_gone(struct vmo *v)
{
    kfree(container_of(v, struct memfs_inode, vmo));
}

static const struct vmo_ops memfs_vmo_ops = { .destroy = vmo_gone };
static const struct inode_ops memfs_inode_ops;
static const struct file_ops memfs_dir_ops;

static void memfs_destroy(struct inode *i)
{
    struct memfs_inode *m = of(i);

    fifo_forget(i);
    xattr_free(i->xattrs);
    if (inode_type(i) == S_IFLNK_)
        kfree(m->text);
    if (i->vmo)
        vmo_unref(&m->vmo);
    else
        kfree(m);
}

struct inode *memfs_inode(struct superblock *sb, const struct new_node *n)
{
    struct memfs_inode *m = kzalloc(sizeof(*m));
    u32 type = n->mode & S_IFMT_;
    struct inode *i;

    if (!m)
        return NULL;
    i = &m->inode;
    inode_init(i, sb, &memfs_inode_ops, type == S_IFDIR_ ? &memfs_dir_ops : &memfs_file_ops,
               n->mode);
    i->uid = n->uid;
    i->gid = n->gid;
    i->rdev = n->rdev;
    i->atime = i->mtime = i->ctime = i->btime = fs_now();
    if (type == S_IFDIR_)
        i->nlink = 2;
    if (type == S_IFREG_) {
        i->seals = F_SEAL_SEAL; /* fcntl(2): only memfd_create makes files that can be sealed */
        vmo_init(&m->vmo, 0, &memfs_vmo_ops, NULL);
        i->vmo = &m->vmo;
    }
    if (type == S_IFLNK_) {
        m->text = kstrdup(n->text);
        if (!m->text) {
            kfree(m);
            return NULL;
        }
        i->size = strlen(n->text);
    }
    return i;
}

static int memfs_make(struct inode *dir, struct dentry *d UNUSED, const struct new_node *n,
                      struct inode **out)
{
    *out = memfs_inode(dir->sb, n);
    return *out ? 0 : -ENOMEM;
}

int memfs_tmpfile(struct inode *dir, const struct new_node *n, bool linkable UNUSED,
                  struct inode **out)
{
    *out = memfs_inode(dir->sb, n);
    return *out ? 0 : -ENOMEM;
}

/* Names are dentries, which the caller changes. */
static int memfs_link(struct inode *dir UNUSED, struct dentry *d UNUSED, struct inode *t UNUSED,
                      struct dentry *from UNUSED)
{
    return 0;
}

static int memfs_unlink(struct inode *dir UNUSED, struct dentry *d UNUSED)
{
    return 0;
}

static int memfs_rename(struct inode *from UNUSED, struct dentry *a UNUSED, struct inode *to UNUSED,
                        struct dentry *b UNUSED, u32 flags UNUSED)
{
    return 0;
}

static int memfs_is_empty(struct dentry *d)
{
    u64 seq = 0;
    struct dentry *c = dentry_next_child(d, &seq, false);

    if (c)
        dentry_unref(c);
    return !c;
}

/* fcntl(2), File Sealing. */
static int check_seals(const struct inode *i, const struct attr_change *c)
{
    if ((c->mask & SET_SIZE) && (((i->seals & F_SEAL_SHRINK) && c->size < i->vmo->size) ||
                                 ((i->seals & F_SEAL_GROW) && c->size > i->vmo->size)))
        return -EPERM;
    if ((c->mask & SET_MODE) && (i->seals & F_SEAL_EXEC_) && ((c->mode ^ i->mode) & 0111))
        return -EPERM;
    return 0;
}

static int memfs_setattr(struct inode *i, const struct attr_change *c)
{
    int r = i->vmo ? check_seals(i, c) : 0;

    if (r)
        return r;
    return (c->mask & SET_SIZE) && i->vmo ? vmo_resize(i->vmo, c->size) : 0;
}

static s64 memfs_readlink(struct inode *i, char *buf, size_t size)
{
    size_t n = MIN(size, i->size);

    memcpy(buf, of(i)->text, n);
    return (s64)n;
}

static const struct inode_ops memfs_inode_ops = {
    .make = memfs_make, .tmpfile = memfs_tmpfile, .link = memfs_link,
    .unlink = memfs_unlink, .rename = memfs_rename,
    .is_empty = memfs_is_empty, .setattr = memfs_setattr,
    .getxattr = xattr_mem_op_get, .listxattr = xattr_mem_op_list, .setxattr = xattr_mem_op_set,
    .readlink = memfs_readlink, .destroy = memfs_destroy,
};

/* --- files ---------------------------------------------------------------------------------------- */

ssize_t memfs_read(struct file *f, struct uio *u, u64 *pos)
{
    return vmo_read_uio(f->inode->vmo, u, pos, READ_ONCE(f->inode->vmo->size));
}

/*
 * A write that would make the file larger is cut down to the whole pages before the end, which is how far
 * Linux gets, one page after the other.
 */
static int seals_cut_write(const struct inode *i, struct uio *u, u64 at)
{
    u64 size = i->vmo->size, end = ALIGN_DOWN(size, PAGE_SIZE);

    if (i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
        return -EPERM;
    if (at + u->left <= size)
        return 0;
    if (at >= end)
        return -EPERM;
    u->left = end - at;
    return 0;
}

ssize_t memfs_write(struct file *f, struct uio *u, u64 *pos)
{
    struct inode *i = f->inode;
    u64 at, before;
    ssize_t r;

    if (!u->left)
        return 0;
    mutex_lock(&i->lock);
    before = i->vmo->size;
    at = (f->flags & O_APPEND) || u->append ? before : *pos;
    r = at > INT64_MAX - u->left ? -EFBIG : fsize_limit_write(u, at);
    if (r == 0 && unlikely(i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_GROW)))
        r = seals_cut_write(i, u, at);
    if (r) {
        mutex_unlock(&i->lock);
        return r;
    }
    r = vmo_write_uio(i->vmo, u, &at);
    /* A copy that fell short leaves no bytes that nobody wrote. */
    if (i->vmo->size > MAX(before, at))
        vmo_resize(i->vmo, MAX(before, at));
    if (r > 0) {
        inode_changed(i);
        *pos = at;
    }
    mutex_unlock(&i->lock);
    return r;
}

s64 memfs_seek(struct file *f, s64 off, int whence)
{
    return file_seek_size(f, off, whence, READ_ONCE(f->inode->vmo->size));
}

int memfs_mmap(struct file *f, u64 off, u32 prot UNUSED, bool shared UNUSED,
                      struct vmo **vmo, u64 *vmo_off)
{
    vmo_ref(f->inode->vmo);
    *vmo = f->inode->vmo;
    *vmo_off = off;
    return 0;
}

int memfs_sync(struct file *f UNUSED, bool data_only UNUSED)
{
    return 0; /* memory is all there is */
}

int memfs_allocate(struct file *f, int mode, u64 off, u64 len)
{
    struct inode *i = f->inode;
    struct vmo *v = i->vmo;
    int r = 0;

    mutex_lock(&i->lock);
    if (((i->seals & F_SEAL_GROW) && off + len > v->size) ||
        ((i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) &&
         (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))) {
        mutex_unlock(&i->lock);
        return -EPERM;
    }
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
        u64 first = ALIGN_UP(off, PAGE_SIZE), last = ALIGN_DOWN(MIN(off + len, v->size), PAGE_SIZE);
        u64 end = MIN(off + len, v->size);

        if (v->ops && v->ops->get_page)
            last = first; /* a dropped page would show the image's contents again */

        if (first < last) {
            mutex_lock(&v->lock);
            vmo_drop_pages(v, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
            mutex_unlock(&v->lock);
        }
        /* The parts of pages at both ends. */
        for (u64 at = off; at < end;) {
            u64 stop = MIN(end, ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE);
            static const u8 zeros[256];

            if (at >= first && at < last && first < last) {
                at = last;
                continue;
            }
            while (at < stop) {
                ssize_t n = vmo_write(v, at, zeros, MIN(stop - at, sizeof(zeros)));

                if (n <= 0) {
                    r = n ? (int)n : -EIO;
                    at = end;
                    break;
                }
                at += (u64)n;
            }
        }
    }
    if (r == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && off + len > v->size)
        r = vmo_resize(v, off + len);
    inode_changed(i);
    mutex_unlock(&i->lock);
    return r;
}

const struct file_ops memfs_file_ops = {
    .read = memfs_read, .write = memfs_write, .seek = memfs_seek, .mmap = memfs_mmap,
    .sync = memfs_sync, .allocate = memfs_allocate,
};

/* --- directories ---------------------------------------------------------------------------------- */

int readdir_dots(struct file *f, readdir_fill *fill, void *arg)
{
    struct dentry *parent;
    u64 ino = f->inode->ino;

    if (f->pos == 0) {
        if (fill(arg, ".", 1, ino, S_IFDIR_ >> 12, 1))
            return 1;
        f->pos = 1;
    }
    if (f->pos == 1) {
        parent = dentry_parent(f->path.dentry);
        if (parent) {
            ino = parent->inode->ino;
            dentry_unref(parent);
        }
        if (fill(arg, "..", 2, ino, S_IFDIR_ >> 12, 2))
            return 1;
        f->pos = 2;
    }
    return 0;
}

/* Positions: 0 and 1 the dots, then 2 + the child's number. */
static int memfs_readdir(struct file *f, readdir_fill *fill, void *arg)
{
    u64 seq;

    if (readdir_dots(f, fill, arg))
        return 0;
    for (seq = f->pos - 2;; seq++) {
        struct dentry *c = dentry_next_child(f->path.dentry, &seq, false);
        char name[NAME_MAX_ + 1];
        u32 len;
        int stop;

        if (!c)
            return 0;
        spin_lock(&tree_lock);
        len = c->len;
        memcpy(name, c->name, len);
        spin_unlock(&tree_lock);
        stop = fill(arg, name, len, c->inode->ino, (u8)(inode_type(c->inode) >> 12), seq + 3);
        dentry_unref(c);
        if (stop)
            return 0;
        f->pos = seq + 3;
    }
}

s64 dir_seek(struct file *f, s64 off, int whence)
{
    return whence == SEEK_SET || whence == SEEK_CUR ? file_seek_size(f, off, whence, 0) : -EINVAL;
}

ssize_t dir_read(struct file *f UNUSED, struct uio *u UNUSED, u64 *pos UNUSED)
{
    return -EISDIR;
}

static const struct file_ops memfs_dir_ops = {
    .read = dir_read, .readdir = memfs_readdir, .seek = dir_seek, .sync = memfs_sync,
};

/* --- the whole ------------------------------------------------------------------------------------ */

/* Nothing but the container's memory bounds these file systems: what it has left is what they have. */
int memfs_statfs(struct superblock *sb UNUSED, struct kstatfs *st)
{
    struct frame_stats f;

    frame_get_stats(&f);
    st->blocks = st->files = f.limit >> PAGE_SHIFT;
    st->bfree = st->bavail = st->ffree = (f.limit - f.total + f.free) >> PAGE_SHIFT;
    return 0;
}

int memfs_create(u32 mode, u64 magic, struct superblock **out, struct dentry **root)
{
    struct superblock *sb = kzalloc(sizeof(*sb));
    struct new_node n = { .mode = S_IFDIR_ | mode };
    struct inode *i;

    if (!sb)
        return -ENOMEM;
    sb->dev = superblock_new_dev();
    sb->magic = magic;
    sb->statfs = memfs_statfs;
    i = memfs_inode(sb, &n);
    *root = i ? dentry_create(NULL, "/", 1, i) : NULL;
    if (!*root)
        return -ENOMEM;
    *out = sb;
    return 0;
}

int memfs_add(struct dentry *dir, const char *name, const struct new_node *n)
{
    struct inode *i = memfs_inode(dir->inode->sb, n);
    struct dentry *d = i ? dentry_create(dir, name, (u32)strlen(name), i) : NULL;

    if (!d)
        return -ENOMEM;
    d->pinned = true;
    if ((n->mode & S_IFMT_) == S_IFDIR_)
        dir->inode->nlink++;
    dentry_unref(dentry_enter(d));
    return 0;
}
