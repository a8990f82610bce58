/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: reading a large file of the image from its start on. Each window page that is touched costs a
 * nested page fault, so the first pass over a file takes the contents with calls instead, ahead of the
 * reader and into a buffer of the open file. Whoever reads it a second time finds the pages in the window
 * for good. Pages that the VMO has already, changed ones among them, are always taken from there.
 */
#include "core/string.h"
#include "fs/hostfs.h"
#include "mm/slab.h"

#define AHEAD_FIRST (UINT64_C(32) << 10) /* bytes asked for at first ... */
#define AHEAD_MAX   (UINT64_C(128) << 10) /* ... and at most, doubling; at this size it pays */
#define LARGE_FILE  (UINT64_C(64) << 10) /* smaller ones come with their opening */

struct ahead {
    u64 next;       /* where the reader goes on if it reads front to back */
    u64 start, len; /* what the buffer has of the file */
    u64 step;       /* bytes to ask for next */
    u8 *buf;        /* AHEAD_MAX bytes */
};

/* The open file's state, made for a reader that begins at the start. NULL: read by pages. */
static struct ahead *get_ahead(struct file *f, u64 pos)
{
    struct hostfs_inode *h = hostfs_of(f->inode);
    struct ahead *a = f->priv;

    if (h->host_size <= LARGE_FILE || READ_ONCE(h->read_through) >= h->host_size)
        return NULL;
    if (a)
        return a->next == pos ? a : NULL;
    if (pos)
        return NULL;
    a = kzalloc(sizeof(*a));
    if (!a)
        return NULL;
    a->buf = kmalloc(AHEAD_MAX);
    if (!a->buf) {
        kfree(a);
        return NULL;
    }
    a->step = AHEAD_FIRST;
    f->priv = a;
    return a;
}

/* Whether the page at pos is to come from the host's file: the VMO has none, and the host's counts. */
static bool is_host_page(struct hostfs_inode *h, u64 pos)
{
    bool r;

    mutex_lock(&h->vmo.lock);
    r = !radix_get(&h->vmo.pages, pos >> PAGE_SHIFT) &&
        ALIGN_DOWN(pos, PAGE_SIZE) + PAGE_SIZE <= h->host_end;
    mutex_unlock(&h->vmo.lock);
    return r;
}

static s64 fill(struct hostfs_inode *h, struct ahead *a, u64 pos)
{
    u64 want = MIN(a->step, h->host_end - pos);
    struct hc_io io;
    s64 r;

    hc_io_init(&io);
    hc_out(&io, a->buf, want);
    r = hostcall(RV_HC_file_read, h->file, pos, 0, 0, 0, &io);
    if (r <= 0)
        return r;
    a->start = pos;
    a->len = (u64)r;
    a->step = MIN(a->step * 2, AHEAD_MAX);
    __atomic_fetch_add(&h->read_through, (u64)r, __ATOMIC_RELAXED);
    return r;
}

/* Read from the buffer within one page; 0: let the VMO do it. */
static ssize_t read_ahead(struct hostfs_inode *h, struct ahead *a, struct uio *u, u64 pos)
{
    u64 n = MIN(u->left, PAGE_SIZE - pos % PAGE_SIZE);
    size_t did;

    if (!is_host_page(h, pos))
        return 0;
    if (pos - a->start >= a->len && fill(h, a, ALIGN_DOWN(pos, PAGE_SIZE)) <= 0)
        return 0;
    if (pos - a->start >= a->len)
        return 0;
    n = MIN(n, a->start + a->len - pos);
    did = uio_to(u, a->buf + (pos - a->start), n);
    return did ? (ssize_t)did : -EFAULT;
}

static ssize_t image_read(struct file *f, struct uio *u, u64 *pos)
{
    struct hostfs_inode *h = hostfs_of(f->inode);
    struct ahead *a;
    ssize_t done = 0, r = 0;

    /* Two readers of one open file that do not wait for each other (pread) go by pages. */
    if (pos != &f->pos || !h->file || !(a = get_ahead(f, *pos)))
        return memfs_read(f, u, pos);
    while (u->left && *pos < READ_ONCE(h->vmo.size)) {
        r = read_ahead(h, a, u, *pos);
        if (r == 0) { /* one page by the VMO */
            struct uio part = *u;
            u64 n = MIN(u->left, PAGE_SIZE - *pos % PAGE_SIZE);

            part.left = n;
            r = memfs_read(f, &part, pos);
            u->iov = part.iov;
            u->niov = part.niov;
            u->skip = part.skip;
            u->left -= n - part.left;
        } else if (r > 0) {
            *pos += (u64)r;
        }
        if (r <= 0)
            break;
        done += r;
    }
    a->next = *pos;
    return done ? done : r;
}

static void image_release(struct file *f)
{
    struct ahead *a = f->priv;

    if (a) {
        kfree(a->buf);
        kfree(a);
    }
}

const struct file_ops hostfs_image_file_ops = {
    .read = image_read, .write = memfs_write, .seek = memfs_seek, .mmap = memfs_mmap,
    .sync = memfs_sync, .allocate = memfs_allocate, .release = image_release,
};
