/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes and FIFOs: pipe(7), fifo(7). A ring of pages that are there only while they hold something.
 * Whoever wakes the other side is about to wait for it: wakes are synchronous (object_signal_sync).
 */
#include "core/refs.h"
#include "core/string.h"
#include "fs/pipe_impl.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>

#define PAGES      16u

static const struct file_ops pipe_ops, pipe_read_ops, pipe_write_ops;

void pipe_update(struct pipe *p)
{
    bool arrived = p->head != p->told;
    u32 r = p->head != p->tail ? SIG_READABLE : 0;
    u32 w = (pipe_room(p) >= PIPE_BUF_ ? SIG_WRITABLE : 0) | (p->readers ? 0 : SIG_ERROR);
    struct pipe_end *e;

    p->told = p->head;
    if (unlikely(p->claimed)) {
        r = p->claimed & PIPE_CLAIM_READ ? 0 : r;
        w = p->claimed & PIPE_CLAIM_WRITE ? 0 : w;
    }
    list_for_each(e, &p->ends, node) {
        u32 want = (e->reads ? r : 0) | (e->writes ? w : 0);
        u32 have = object_signals(&e->file->obj);

        /* fifo(7): who opened it without waiting waits for the first writer, not for its end */
        if (!p->writers && e->reads && e->unwritten != p->opened_w &&
            !(p->claimed & PIPE_CLAIM_READ))
            want |= SIG_HANGUP;
        if (want != have)
            object_signal_sync(&e->file->obj, have & ~want, want);
        /* epoll(7): each write is an edge, even if what was there before has not been read */
        if (arrived && (have & want & SIG_READABLE) && object_watched(&e->file->obj))
            object_pulse(&e->file->obj, SIG_READABLE);
    }
}

static struct pipe *pipe_new(void)
{
    struct pipe *p = kzalloc(sizeof(*p));

    if (!p)
        return NULL;
    p->refs = 1;
    mutex_init(&p->lock);
    list_init(&p->ends);
    event_init(&p->opened);
    p->npages = PAGES;
    return p;
}

static void pipe_unref(struct pipe *p)
{
    if (!refs_put(&p->refs))
        return;
    for (u32 i = 0; i < p->npages; i++)
        kfree(p->page[i]);
    kfree(p);
}

/* A new end; takes over a reference on the pipe. */
static int add_end(struct pipe *p, struct file *f, bool reads, bool writes)
{
    struct pipe_end *e = kzalloc(sizeof(*e));

    if (!e)
        return -ENOMEM;
    *e = (struct pipe_end){ .file = f, .pipe = p, .reads = reads, .writes = writes };
    f->priv = e;
    f->ops = reads && writes ? &pipe_ops : reads ? &pipe_read_ops : &pipe_write_ops;
    mutex_lock(&p->lock);
    if (f->flags & O_NONBLOCK && !writes && !p->writers)
        e->unwritten = p->opened_w;
    list_add_tail(&p->ends, &e->node);
    p->readers += reads;
    p->opened_r += reads;
    p->writers += writes;
    p->opened_w += writes;
    pipe_update(p);
    object_pulse(&p->opened.obj, SIG_SIGNALED);
    mutex_unlock(&p->lock);
    return 0;
}

static void pipe_release(struct file *f)
{
    struct pipe_end *e = f->priv;
    struct pipe *p = e->pipe;

    mutex_lock(&p->lock);
    list_del(&e->node);
    p->readers -= e->reads;
    p->writers -= e->writes;
    if (f->inode && !p->readers && !p->writers)
        p->head = p->tail = 0; /* fifo(7): what nobody read is gone */
    pipe_update(p);
    mutex_unlock(&p->lock);
    pipe_unref(p);
    kfree(e);
}

int pipe_wait(struct file *f, u32 mask)
{
    return object_wait(&f->obj, mask, DEADLINE_NEVER, WAIT_INTERRUPTIBLE) ? -ERESTART : 0;
}

/* n bytes of the page that is read next are done. */
static inline void skip_in_page(struct pipe *p, size_t n)
{
    u32 i = (u32)(p->tail / PAGE_SIZE) % p->npages;

    p->tail += n;
    /*
     * The page in which the next write goes on is kept: the next one if all was read, or this very
     * one if the writer came around to its front while we were at its back.
     */
    if (p->tail % PAGE_SIZE == 0 && p->head != p->tail &&
        p->head - p->tail <= (p->npages - 1) * PAGE_SIZE) {
        kfree(p->page[i]);
        p->page[i] = NULL;
    }
}

void pipe_skip(struct pipe *p, u64 n)
{
    while (n) {
        u64 part = MIN(n, PAGE_SIZE - p->tail % PAGE_SIZE);

        skip_in_page(p, part);
        n -= part;
    }
}

ssize_t pipe_take(struct pipe *p, struct uio *u)
{
    ssize_t done = 0;

    while (u->left && p->head != p->tail) {
        u32 i = (u32)(p->tail / PAGE_SIZE) % p->npages;
        size_t in = p->tail % PAGE_SIZE;
        size_t n = MIN(MIN(u->left, PAGE_SIZE - in), p->head - p->tail);
        size_t did = uio_to(u, p->page[i] + in, n);

        skip_in_page(p, did);
        done += (ssize_t)did;
        if (did < n)
            return done ? done : -EFAULT;
    }
    return done;
}

ssize_t pipe_put(struct pipe *p, struct uio *u, u64 n)
{
    ssize_t done = 0;

    while (n) {
        u32 i = (u32)(p->head / PAGE_SIZE) % p->npages;
        size_t in = p->head % PAGE_SIZE, k = MIN(n, PAGE_SIZE - in), did;

        if (!p->page[i])
            p->page[i] = kmalloc(PAGE_SIZE);
        if (!p->page[i])
            return done ? done : -ENOMEM;
        did = uio_from(u, p->page[i] + in, k);
        p->head += did;
        done += (ssize_t)did;
        n -= did;
        if (did < k)
            return done ? done : -EFAULT;
    }
    return done;
}

static ssize_t pipe_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct pipe *p = ((struct pipe_end *)f->priv)->pipe;
    ssize_t r;

    if (!u->left)
        return 0;
    for (;;) {
        mutex_lock(&p->lock);
        if (unlikely(p->claimed & PIPE_CLAIM_READ)) {
            r = -EAGAIN;
        } else if (p->head != p->tail) {
            r = pipe_take(p, u);
            pipe_update(p);
        } else if (!p->writers) {
            r = 0;
        } else {
            r = -EAGAIN;
        }
        mutex_unlock(&p->lock);
        if (r != -EAGAIN || (f->flags & O_NONBLOCK))
            return r;
        r = pipe_wait(f, SIG_READABLE | SIG_HANGUP);
        if (r)
            return r;
    }
}

static ssize_t pipe_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct pipe *p = ((struct pipe_end *)f->priv)->pipe;
    bool atomic = u->left <= PIPE_BUF_;
    ssize_t done = 0, r;

    if (!u->left)
        return 0;
    for (;;) {
        u64 n, free;

        mutex_lock(&p->lock);
        free = pipe_room(p);
        n = MIN(u->left, free);
        if (!p->readers)
            r = -EPIPE;
        else if (unlikely(p->claimed & PIPE_CLAIM_WRITE) || !n || (atomic && n < u->left))
            r = -EAGAIN;
        else
            r = pipe_put(p, u, n);
        pipe_update(p);
        mutex_unlock(&p->lock);
        if (r > 0)
            done += r;
        if (r == -EAGAIN) {
            if (f->flags & O_NONBLOCK)
                break;
            r = pipe_wait(f, SIG_WRITABLE | SIG_ERROR);
            if (r)
                break;
        } else if (r < 0 || !u->left) {
            break;
        }
    }
    return done ? done : r;
}

static s64 pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
    struct pipe *p = ((struct pipe_end *)f->priv)->pipe;
    s32 n;

    if (cmd != FIONREAD)
        return -ENOTTY;
    mutex_lock(&p->lock);
    n = (s32)(p->head - p->tail);
    mutex_unlock(&p->lock);
    return copy_to_user(arg, &n, sizeof(n)) ? -EFAULT : 0;
}

static const struct file_ops pipe_ops = {
    .read = pipe_read, .write = pipe_write, .ioctl = pipe_ioctl, .release = pipe_release,
};
static const struct file_ops pipe_read_ops = {
    .read = pipe_read, .ioctl = pipe_ioctl, .release = pipe_release,
};
static const struct file_ops pipe_write_ops = {
    .write = pipe_write, .ioctl = pipe_ioctl, .release = pipe_release,
};

static struct superblock pipe_sb = { .magic = 0x50495045 }; /* PIPEFS_MAGIC */
static const struct inode_ops pipe_inode_ops;

static void pipe_inode_destroy(struct inode *i)
{
    fifo_forget(i);
    kfree(i);
}

static const struct inode_ops pipe_inode_ops = { .destroy = pipe_inode_destroy };

static struct inode *pipe_inode(void)
{
    const struct cred *c = process_current()->cred;
    struct inode *i = kzalloc(sizeof(*i));

    if (!i)
        return NULL;
    if (!pipe_sb.dev)
        pipe_sb.dev = superblock_new_dev();
    inode_init(i, &pipe_sb, &pipe_inode_ops, NULL, S_IFIFO_ | 0600);
    i->uid = c->fsuid;
    i->gid = c->fsgid;
    i->atime = i->mtime = i->ctime = fs_now();
    return i;
}

int pipe_create(struct file **reader, struct file **writer, u32 flags)
{
    static const struct file_ops none = { 0 };
    struct pipe *p = pipe_new();
    struct inode *i = pipe_inode();
    struct file *r = file_create(&none, O_RDONLY | flags, 0, NULL);
    struct file *w = file_create(&none, O_WRONLY | flags, 0, NULL);

    if (p && i && r && w && add_end(p, r, true, false) == 0) {
        refs_get(&p->refs);
        if (add_end(p, w, false, true) == 0) {
            r->inode = w->inode = i;
            inode_ref(i);
            refs_get(&p->refs);
            i->fifo = p; /* /proc/PID/fd/N opens further ends */
            *reader = r;
            *writer = w;
            return 0;
        }
        pipe_unref(p);
        p = NULL; /* goes with its reader */
    }
    if (p && !(r && r->priv))
        pipe_unref(p);
    if (i)
        inode_unref(i);
    if (r)
        object_unref(&r->obj);
    if (w)
        object_unref(&w->obj);
    return -ENOMEM;
}

/* --- FIFOs ---------------------------------------------------------------------------------------- */

static int wait_other_side(struct pipe *p, const u32 *count)
{
    u32 before = READ_ONCE(*count);

    for (;;) {
        int r;

        event_clear(&p->opened);
        if (READ_ONCE(*count) != before)
            return 0;
        r = object_wait(&p->opened.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
        if (r)
            return -ERESTART;
    }
}

int fifo_open(struct inode *i, struct file *f)
{
    u32 mode = f->flags & O_ACCMODE;
    bool reads = mode != O_WRONLY, writes = mode != O_RDONLY;
    bool fifo = i->ops != &pipe_inode_ops; /* pipe(7), by /proc/PID/fd: nobody waits */
    struct pipe *p;
    int r;

    mutex_lock(&i->lock);
    if (!i->fifo)
        i->fifo = pipe_new(); /* the inode's reference: it stays with the node */
    p = i->fifo;
    if (p)
        refs_get(&p->refs);
    mutex_unlock(&i->lock);
    if (!p)
        return -ENOMEM;
    if (fifo && writes && !reads && (f->flags & O_NONBLOCK) && !READ_ONCE(p->readers)) {
        pipe_unref(p);
        return -ENXIO;
    }
    r = add_end(p, f, reads, writes);
    if (r) {
        pipe_unref(p);
        return r;
    }
    if (fifo && !(f->flags & O_NONBLOCK) && reads != writes) {
        const u32 *other = reads ? &p->opened_w : &p->opened_r;

        if (!(reads ? READ_ONCE(p->writers) : READ_ONCE(p->readers)))
            r = wait_other_side(p, other);
    }
    if (r)
        pipe_release(f);
    return r;
}

void fifo_forget(struct inode *i)
{
    if (i->fifo)
        pipe_unref(i->fifo);
}

/* --- size ----------------------------------------------------------------------------------------- */

struct pipe *pipe_of(struct file *f)
{
    return f->ops == &pipe_ops || f->ops == &pipe_read_ops || f->ops == &pipe_write_ops
               ? ((struct pipe_end *)f->priv)->pipe
               : NULL;
}

s64 pipe_get_size(struct file *f)
{
    struct pipe *p = pipe_of(f);

    return p ? (s64)(p->npages * PAGE_SIZE) : -EBADF;
}

/* F_SETPIPE_SZ: rounded up to a power of two of pages; what is in the pipe is moved to its beginning. */
s64 pipe_set_size(struct file *f, u64 size)
{
    struct pipe *p = pipe_of(f);
    u32 n = 1, used;
    u64 first;
    u8 **tmp;
    s64 r;

    if (!p)
        return -EBADF;
    size = (u32)size; /* fcntl(2) takes an int */
    if (size > UINT32_C(1) << 31)
        return -EINVAL;
    if (size > PAGES_MAX * PAGE_SIZE)
        return -EPERM;
    while ((u64)n * PAGE_SIZE < size)
        n *= 2;
    tmp = kzalloc(PAGES_MAX * sizeof(*tmp));
    if (!tmp)
        return -ENOMEM;
    mutex_lock(&p->lock);
    first = p->tail / PAGE_SIZE;
    used = (u32)((p->head + PAGE_SIZE - 1) / PAGE_SIZE - first);
    if (used > n || (p->claimed & PIPE_CLAIM_WRITE)) {
        r = -EBUSY;
    } else {
        for (u32 i = 0; i < p->npages; i++) {
            u32 at = (u32)((first + i) % p->npages);

            if (i < used)
                tmp[(first + i) % n] = p->page[at];
            else
                kfree(p->page[at]);
        }
        memcpy(p->page, tmp, PAGES_MAX * sizeof(*tmp));
        p->npages = n;
        pipe_update(p);
        r = (s64)(n * PAGE_SIZE);
    }
    mutex_unlock(&p->lock);
    kfree(tmp);
    return r;
}
