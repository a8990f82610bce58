/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: contents. The image's files are read and written in their VMO: small ones come with the open
 * itself, of others the pages are the host's, in a file window, until they are written. Volumes' files are read and written by calls, so
 * that other users of the host's folder see the same; mapped, they share the host's pages.
 */
#include "arch/cpu.h"
#include "core/string.h"
#include "fs/hostfs.h"
#include "fs/window.h"
#include "fs/xattr.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "object/thread.h"

#include <linux/fcntl.h>
#include <linux/fs.h>

#define SMALL_FILE 65536u  /* as fs_open's output allows */
#define AHEAD_PAGES 32u    /* window pages entered at a time, aligned */
#define CHUNK_PAGES (RV_WINDOW_CHUNK >> PAGE_SHIFT)
#define BOUNCE (64u << 10) /* bytes of one transfer of a volume's file */

/* --- opening -------------------------------------------------------------------------------------- */

/* Frames for a small file's contents, added to the call's outputs. False: no memory. */
static bool get_frames(u64 *pa, u32 n, struct hc_io *io)
{
    for (u32 i = 0; i < n; i++) {
        pa[i] = frame_alloc(FRAME_ZERO);
        if (!pa[i]) {
            while (i--)
                frame_unref(pa[i]);
            return false;
        }
        hc_out_pa(io, pa[i], PAGE_SIZE);
    }
    return true;
}

/* Give the VMO those frames that it lacks and the host's contents still count for. */
static void put_frames(struct hostfs_inode *h, const u64 *pa, u32 n, bool keep)
{
    struct vmo *v = &h->vmo;

    mutex_lock(&v->lock);
    for (u32 i = 0; i < n; i++)
        if (!keep || (u64)i << PAGE_SHIFT >= h->host_end || radix_get(&v->pages, i) ||
            vmo_set_page(v, i, pa[i]))
            frame_unref(pa[i]);
    mutex_unlock(&v->lock);
}

/* Whether nothing more is needed of the host's contents; of small files only. */
static bool all_here(struct hostfs_inode *h)
{
    bool all = true;

    mutex_lock(&h->vmo.lock);
    for (u64 i = 0; all && i << PAGE_SHIFT < h->host_end; i++)
        all = radix_get(&h->vmo.pages, i) != 0;
    mutex_unlock(&h->vmo.lock);
    return all;
}

/* Directory node and name under which the host has the file. A reference on *parent, or NULL. */
static int host_place(struct hostfs_inode *h, struct dentry *d, u32 *node,
                      char name[NAME_MAX_ + 1], u32 *len, struct dentry **parent)
{
    *parent = NULL;
    if (h->host_dir) {
        *node = hostfs_of(h->host_dir)->node;
        *len = (u32)str_copy(name, h->host_name, NAME_MAX_ + 1);
        return 0;
    }
    *parent = hostfs_place(d, node, name, len);
    return *parent ? 0 : -ESTALE;
}

/* Give the windows of a file back; its VMO has none of their pages any more. */
static void drop_runs(struct hostfs_inode *h)
{
    u64 word;

    for (u64 i = 0; (word = radix_next(&h->runs, &i)); i++)
        window_unmap((struct window_run *)word);
    radix_clear(&h->runs);
}

int hostfs_open_host(struct inode *i, struct dentry *d, bool write)
{
    struct hostfs_inode *h = hostfs_of(i);
    u32 node, len, n = 0, old = h->file;
    bool small = !h->is_volume && h->host_size <= SMALL_FILE, whole;
    char name[NAME_MAX_ + 1];
    struct rv_open_reply reply;
    u64 pa[SMALL_FILE / PAGE_SIZE];
    struct dentry *parent;
    struct hc_io io;
    s64 r;

    if (h->file && (h->writable || !write))
        return 0;
    if (!h->is_volume && (!h->host_end || (small && all_here(h))))
        return 0;
    r = host_place(h, d, &node, name, &len, &parent);
    if (r)
        return (int)r;
    hc_io_init(&io);
    hc_in(&io, name, len);
    hc_out(&io, &reply, sizeof(reply));
    if (small) {
        n = (u32)((h->host_size + PAGE_SIZE - 1) >> PAGE_SHIFT);
        if (!get_frames(pa, n, &io)) {
            if (parent)
                dentry_unref(parent);
            return -ENOMEM;
        }
    }
    do {
        r = hostcall(RV_HC_fs_open, node, write, 0, 0, 0, &io);
    } while (r == -ENFILE && dentry_prune(FILES_BACK));
    if (parent)
        dentry_unref(parent);
    whole = r >= 0 && reply.nread == h->host_size && reply.attr.size == h->host_size;
    if (n)
        put_frames(h, pa, n, whole);
    if (r < 0)
        return (int)r;
    if (n && all_here(h)) {
        if (reply.file)
            hostcall(RV_HC_file_close, reply.file, 0, 0, 0, 0, NULL);
        reply.file = 0;
    } else if (n && !reply.file) {
        return whole ? -ENOMEM : -EIO; /* there is no file to get the rest from */
    }
    if (old)
        hostcall(RV_HC_file_close, old, 0, 0, 0, 0, NULL);
    /* Pages shown read-only would be copied by the first store, and it would not reach the file. */
    if (reply.writable && !h->writable) {
        mutex_lock(&h->vmo.lock);
        vmo_drop_window_pages(&h->vmo, 0, UINT64_MAX >> PAGE_SHIFT);
        drop_runs(h);
        mutex_unlock(&h->vmo.lock);
    }
    h->file = reply.file;
    h->writable = reply.writable;
    if (reply.no_xattrs && xattr_is_unasked(i->xattrs))
        i->xattrs = NULL;
    if (h->is_volume)
        hostfs_set_attr(i, &reply.attr);
    return 0;
}

int hostfs_open(struct inode *i, struct file *f)
{
    bool write = hostfs_of(i)->is_volume && (f->flags & O_ACCMODE) != O_RDONLY;
    int r;

    if (inode_type(i) != S_IFREG_)
        return 0;
    mutex_lock(&i->lock);
    r = hostfs_open_host(i, f->path.dentry, write);
    mutex_unlock(&i->lock);
    return r;
}

/* --- the pager ------------------------------------------------------------------------------------ */

/* The run that shows the chunk of the file with page `index`. vmo->lock held. */
static struct window_run *get_run(struct hostfs_inode *h, u64 index, u64 *pages, int *err)
{
    u64 chunk = index / CHUNK_PAGES, off = chunk * RV_WINDOW_CHUNK;
    u64 size = ALIGN_UP(h->is_volume ? h->vmo.size : h->host_size, PAGE_SIZE);
    struct window_run *run = (void *)radix_get(&h->runs, chunk);

    if (run) {
        *pages = READ_ONCE(run->good) >> PAGE_SHIFT;
        if (index % CHUNK_PAGES < *pages)
            return run;
        /* Not there when it was mapped, or lost since: the file may have grown. */
        vmo_drop_window_pages(&h->vmo, chunk * CHUNK_PAGES, (chunk + 1) * CHUNK_PAGES);
        radix_set(&h->runs, chunk, 0);
        window_unmap(run);
    }
    if (!h->file) {
        *err = -EIO;
        return NULL;
    }
    current()->fetched++;
    run = window_map(&h->vmo, h->file, off, MIN(RV_WINDOW_CHUNK, size - off), h->writable, pages,
                     err);
    if (run && radix_set(&h->runs, chunk, (u64)run)) {
        window_unmap(run);
        *err = -ENOMEM;
        return NULL;
    }
    return run;
}

static int hostfs_get_page(struct vmo *v, u64 index)
{
    struct hostfs_inode *h = v->priv;
    u64 pages = 0, at = index % CHUNK_PAGES, chunk_start = index - at, first;
    struct window_run *run;
    int err = -EIO;

    if (!h->is_volume && index << PAGE_SHIFT >= h->host_end) {
        u64 pa = frame_alloc(FRAME_ZERO);

        if (pa && vmo_set_page(v, index, pa)) {
            frame_unref(pa);
            pa = 0;
        }
        return pa ? 0 : -ENOMEM;
    }
    run = get_run(h, index, &pages, &err);
    if (!run)
        return err == -ENOMEM ? -ENOMEM : -EIO;
    if (!h->is_volume)
        pages = MIN(pages, ((h->host_end + PAGE_SIZE - 1) >> PAGE_SHIFT) - chunk_start);
    if (at >= pages)
        return -EIO;
    /* Together with what a fault enters around its page. */
    first = ALIGN_DOWN(at, AHEAD_PAGES);
    return vmo_fill_window(v, chunk_start + first, MIN(pages - first, AHEAD_PAGES),
                           (run->node.key + (first << PAGE_SHIFT)) | VMO_PAGE_WINDOW |
                               (run->writable ? VMO_PAGE_RW : 0));
}

static void vmo_destroyed(struct vmo *v)
{
    struct hostfs_inode *h = v->priv;

    drop_runs(h);
    kfree(h);
}

const struct vmo_ops hostfs_vmo_ops = { .get_page = hostfs_get_page, .destroy = vmo_destroyed };

static int hostfs_mmap(struct file *f, u64 off, u32 prot UNUSED, bool shared UNUSED,
                       struct vmo **vmo, u64 *vmo_off)
{
    vmo_ref(f->inode->vmo);
    *vmo = f->inode->vmo;
    *vmo_off = off;
    return 0;
}

/* --- volumes' files ------------------------------------------------------------------------------- */

/* Read up to BOUNCE bytes by a buffer. Bytes, fewer at the file's end, or a negative errno. */
static s64 volume_read_copy(struct file *f, struct uio *u, u64 pos)
{
    size_t want = MIN(u->left, BOUNCE), did;
    u8 *buf = kmalloc(want);
    struct hc_io io;
    s64 r;

    if (!buf)
        return -ENOMEM;
    hc_io_init(&io);
    hc_out(&io, buf, want);
    r = hostcall(RV_HC_file_read, hostfs_of(f->inode)->file, pos, 0, 0, 0, &io);
    if (r > 0) {
        did = uio_to(u, buf, (size_t)r);
        r = did ? (s64)did : -EFAULT;
    }
    kfree(buf);
    return r;
}

static ssize_t volume_read(struct file *f, struct uio *u, u64 *pos)
{
    ssize_t done = 0;
    s64 r = 0;

    while (u->left) {
        struct hc_io io;
        u64 want;

        hc_io_init(&io);
        want = hostfs_direct_begin(u, u->left, &io);
        if (want) {
            r = hostcall(RV_HC_file_read, hostfs_of(f->inode)->file, *pos, RV_READ_NOW, 0, 0, &io);
            hostfs_direct_end(u, r > 0 ? (u64)r : 0);
        }
        if (!want || r < 0) {
            want = MIN(u->left, BOUNCE);
            r = volume_read_copy(f, u, *pos);
        }
        if (r <= 0)
            break;
        *pos += (u64)r;
        done += (ssize_t)r;
        if ((u64)r < want)
            break;
    }
    return done ? done : r;
}

static ssize_t volume_write(struct file *f, struct uio *u, u64 *pos)
{
    struct inode *i = f->inode;
    u8 *buf = kmalloc(MIN(u->left, BOUNCE) + 1);
    u32 flags = ((f->flags & O_APPEND) || u->append ? 1 : 0) | (f->flags & O_DSYNC ? 2 : 0);
    ssize_t done = 0;
    s64 r = 0;

    if (!buf)
        return -ENOMEM;
    mutex_lock(&i->lock);
    r = fsize_limit_write(u, flags & 1 ? i->size : *pos);
    while (r >= 0 && u->left) {
        size_t want = MIN(u->left, BOUNCE), got = uio_from(u, buf, want);
        struct hc_io io;

        if (!got) {
            r = -EFAULT;
            break;
        }
        hc_io_init(&io);
        hc_in(&io, buf, got);
        r = hostcall(RV_HC_file_write, hostfs_of(i)->file, *pos, flags, 0, 0, &io);
        if (r <= 0)
            break;
        *pos += (u64)r;
        done += (ssize_t)r;
        if ((size_t)r < want)
            break;
    }
    if (done && (flags & 1)) { /* where the host put it is where the file ends now */
        i->ops->getattr(i);
        *pos = i->size;
    } else if (done && *pos > i->size) {
        i->size = *pos;
        WRITE_ONCE(i->vmo->size, *pos);
    }
    mutex_unlock(&i->lock);
    kfree(buf);
    return done ? done : r;
}

static s64 volume_seek(struct file *f, s64 off, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR) {
        int r = f->inode->ops->getattr(f->inode);

        if (r)
            return r;
    }
    return file_seek_size(f, off, whence, f->inode->size);
}

static int volume_sync(struct file *f, bool data_only)
{
    return (int)hostcall(RV_HC_file_sync, hostfs_of(f->inode)->file, data_only, 0, 0, 0, NULL);
}

static int volume_allocate(struct file *f, int mode, u64 off, u64 len)
{
    s64 r = hostcall(RV_HC_file_allocate, hostfs_of(f->inode)->file, off, len, (u32)mode, 0, NULL);

    if (r >= 0)
        f->inode->ops->getattr(f->inode);
    return r < 0 ? (int)r : 0;
}

const struct file_ops hostfs_volume_file_ops = {
    .read = volume_read, .write = volume_write, .seek = volume_seek, .mmap = hostfs_mmap,
    .sync = volume_sync, .allocate = volume_allocate,
};
