/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostfs: reading a large file of the image from its start on. Each window page that is touched costs a
 * nested page fault, so the first pass over a file takes the contents with calls instead, ahead of the
 * reader and into a buffer of the open file. Whoever reads it again after that (passes) finds the pages in
 * the window for good. Pages that the VMO has already, changed ones among them, are always taken from there.
 */
#include "core/boot.h"
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
    bool waits;     /* the host had to wait for its disk */
    u8 *buf;        /* AHEAD_MAX bytes, or NULL until it is used */
};

/*
 * How often a file is taken with calls before its pages are entered for good. Where each page costs a
 * nested page fault, entering them all costs about as much as four passes with calls cost more than
 * passes over pages that are there: who reads on after those has paid twice the least at most.
 */
static u64 passes(void)
{
    return boot.shared->window_ready ? 1 : 4;
}

/* The open file's state, made for a reader that begins at the start. NULL: read by pages. */
static struct ahead *get_ahead(struct file *f, u64 pos)
{
    struct hostfs_inode *h = hostfs_of(f->inode);
    struct ahead *a = f->priv;

    if (a)
        return a->next == pos ? a : NULL;
    if (pos || h->host_size <= LARGE_FILE || READ_ONCE(h->read_through) >= passes() * h->host_size)
        return NULL;
    a = kzalloc(sizeof(*a));
    if (!a)
        return NULL;
    a->step = AHEAD_FIRST;
    f->priv = a;
    return a;
}

/*
 * Bytes from pos on, 0 or more, that are to come from the host's file: the VMO has no pages there, and
 * the host's count.
 */
static u64 host_bytes(struct hostfs_inode *h, u64 pos)
{
    u64 next = pos >> PAGE_SHIFT, end;

    mutex_lock(&h->vmo.lock);
    end = h->vmo.size <= h->host_end ? h->vmo.size : ALIGN_DOWN(h->host_end, PAGE_SIZE);
    if (radix_next(&h->vmo.pages, &next))
        end = MIN(end, next << PAGE_SHIFT);
    mutex_unlock(&h->vmo.lock);
    return end > pos ? end - pos : 0;
}

/*
 * Read from the host's file: the next n bytes at pos into the user's memory, as far as that can be, and
 * what follows them into the buffer. Bytes that the user has, 0 if all are in the buffer, or a negative
 * errno.
 */
static s64 fetch(struct hostfs_inode *h, struct ahead *a, struct uio *u, u64 pos, u64 n)
{
    u64 direct, want;
    struct hc_io io;
    s64 r;

    if (!a->buf)
        a->buf = kmalloc(AHEAD_MAX);
    if (!a->buf)
        return -ENOMEM;
    hc_io_init(&io);
    direct = a->waits ? 0 : hostfs_direct_begin(u, n, &io);
    for (;;) {
        want = MIN(a->step, h->host_end - pos - direct);
        if (want)
            hc_out(&io, a->buf, want);
        r = hostcall(RV_HC_file_read, h->file, pos, direct ? RV_READ_NOW : 0, 0, 0, &io);
        if (!direct)
            break;
        hostfs_direct_end(u, r > 0 ? MIN((u64)r, direct) : 0);
        if (r > 0)
            break;
        a->waits = true; /* the next will hardly be in memory either */
        direct = 0;
        hc_io_init(&io);
    }
    if (r <= 0)
        return r ? r : -EIO;
    __atomic_fetch_add(&h->read_through, (u64)r, __ATOMIC_RELAXED);
    a->start = pos + direct;
    a->len = (u64)r > direct ? (u64)r - direct : 0;
    a->step = MIN(a->step * 2, AHEAD_MAX);
    return (s64)MIN((u64)r, direct);
}

/* Read what is the host's, from the buffer or the file; 0: let the VMO do one page. */
static ssize_t read_host(struct hostfs_inode *h, struct ahead *a, struct uio *u, u64 pos)
{
    u64 n = MIN(u->left, host_bytes(h, pos));
    size_t did;
    s64 r;

    if (!n)
        return 0;
    if (pos - a->start >= a->len) {
        r = fetch(h, a, u, pos, n);
        if (r)
            return r < 0 ? 0 : (ssize_t)r;
    }
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
        r = read_host(h, a, u, *pos);
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
    if (*pos >= h->host_end) { /* the file may stay open for long */
        kfree(a->buf);
        a->buf = NULL;
        a->len = 0;
    }
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
