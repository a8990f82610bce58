/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data to, from and between pipes: splice(2), tee(2), vmsplice(2). A file is written straight from a pipe's
 * pages; what comes in is copied, as pages of a pipe are filled in order and without gaps.
 *
 * What the other file does may take long, so that it is done without the pipe's lock: see PIPE_CLAIM_*.
 */
#include "core/string.h"
#include "fs/pipe_impl.h"
#include "mm/slab.h"
#include "object/process.h"

#define PART (UINT64_C(64) << 10) /* bytes at once: what a pipe holds by default */
#define PART_PAGES (PART / PAGE_SIZE + 1)

bool file_is_pipe(struct file *f)
{
    return pipe_of(f) != NULL;
}

bool same_pipe(struct file *a, struct file *b)
{
    return pipe_of(a) == pipe_of(b);
}

/* Until there is something to read: 1, and the pipe is locked; 0 at the end. */
static int lock_readable(struct file *f, bool nonblock)
{
    struct pipe *p = pipe_of(f);
    int r;

    for (;;) {
        mutex_lock(&p->lock);
        if (p->head != p->tail && !(p->claimed & PIPE_CLAIM_READ))
            return 1;
        r = p->head == p->tail && !p->writers ? 0 : -EAGAIN;
        mutex_unlock(&p->lock);
        if (r == 0 || nonblock)
            return r;
        r = pipe_wait(f, SIG_READABLE | SIG_HANGUP);
        if (r)
            return r;
    }
}

/* Until there is room: 1, and the pipe is locked; -EPIPE. */
static int lock_writable(struct file *f, bool nonblock)
{
    struct pipe *p = pipe_of(f);
    int r;

    for (;;) {
        mutex_lock(&p->lock);
        if (p->readers && pipe_room(p) && !(p->claimed & PIPE_CLAIM_WRITE))
            return 1;
        r = p->readers ? -EAGAIN : -EPIPE;
        mutex_unlock(&p->lock);
        if (r == -EPIPE || nonblock)
            return r;
        r = pipe_wait(f, SIG_WRITABLE | SIG_ERROR);
        if (r)
            return r;
    }
}

static void claim(struct pipe *p, u32 what)
{
    p->claimed |= what;
    pipe_update(p);
    mutex_unlock(&p->lock);
}

/* With the lock held, which is released. */
static void unclaim(struct pipe *p, u32 what)
{
    p->claimed &= ~what;
    pipe_update(p);
    mutex_unlock(&p->lock);
}

/* The pages that hold the n bytes from position `from` on. Lock held. */
static u32 pieces(struct pipe *p, u64 from, u64 n, struct iovec_k *v)
{
    u32 count = 0;

    while (n) {
        u64 in = from % PAGE_SIZE, part = MIN(n, PAGE_SIZE - in);

        v[count++] = (struct iovec_k){ (u64)p->page[from / PAGE_SIZE % p->npages] + in, part };
        from += part;
        n -= part;
    }
    return count;
}

static void uio_of_pieces(struct uio *u, const struct iovec_k *v, u32 count, u64 n)
{
    uio_init_vec(u, v, count, n);
    u->kernel = true;
}

ssize_t splice_from_pipe(struct file *in, struct file *out, u64 *pos, u64 n, bool nonblock)
{
    struct iovec_k v[PART_PAGES];
    struct pipe *p = pipe_of(in);
    ssize_t done = 0, r = 0;

    while (n) {
        struct uio u;
        u64 part;

        r = lock_readable(in, nonblock || done);
        if (r <= 0)
            break;
        part = MIN(MIN(n, PART), p->head - p->tail);
        uio_of_pieces(&u, v, pieces(p, p->tail, part, v), part);
        claim(p, PIPE_CLAIM_READ);
        r = out->ops->write(out, &u, pos);
        mutex_lock(&p->lock);
        if (r > 0)
            pipe_skip(p, (u64)r);
        unclaim(p, PIPE_CLAIM_READ);
        if (r <= 0)
            break;
        done += r;
        n -= (u64)r;
        if ((u64)r < part || signal_is_pending())
            break;
    }
    return done ? done : r;
}

ssize_t splice_to_pipe(struct file *in, u64 *pos, struct file *out, u64 n, bool nonblock)
{
    struct pipe *p = pipe_of(out);
    ssize_t r = lock_writable(out, nonblock), got;
    struct uio u;
    u8 *buf;

    if (r < 0)
        return r;
    n = MIN(MIN(n, PART), pipe_room(p));
    claim(p, PIPE_CLAIM_WRITE);
    buf = kmalloc(n);
    if (buf) {
        uio_init_kernel(&u, buf, n);
        r = in->ops->read(in, &u, pos);
    } else {
        r = -ENOMEM;
    }
    mutex_lock(&p->lock);
    if (r > 0) {
        got = r;
        uio_init_kernel(&u, buf, (u64)got);
        r = pipe_put(p, &u, (u64)got);
        if (pos) /* short of memory for it all */
            *pos -= (u64)(got - MAX(r, (ssize_t)0));
    }
    unclaim(p, PIPE_CLAIM_WRITE);
    kfree(buf);
    return r;
}

/* Copy what is there, as far as there is room. Both pipes are locked. */
static ssize_t copy_pieces(struct pipe *from, struct pipe *to, u64 n)
{
    u64 at = from->tail;
    ssize_t done = 0, r;

    n = MIN(MIN(n, from->head - from->tail), pipe_room(to));
    while ((u64)done < n) {
        struct iovec_k v[PART_PAGES];
        u64 part = MIN(n - (u64)done, PART);
        struct uio u;

        uio_of_pieces(&u, v, pieces(from, at, part, v), part);
        r = pipe_put(to, &u, part);
        if (r <= 0)
            return done ? done : r;
        at += (u64)r;
        done += r;
    }
    return done;
}

/* In the order of their addresses. */
static void lock_both(struct pipe *a, struct pipe *b)
{
    mutex_lock(a < b ? &a->lock : &b->lock);
    mutex_lock(a < b ? &b->lock : &a->lock);
}

ssize_t splice_pipes(struct file *in, struct file *out, u64 n, bool nonblock, bool keep)
{
    struct pipe *from = pipe_of(in), *to = pipe_of(out);
    ssize_t r;

    do { /* what was seen of each alone must still be so with both */
        r = lock_readable(in, nonblock);
        if (r <= 0)
            return r;
        mutex_unlock(&from->lock);
        r = lock_writable(out, nonblock);
        if (r < 0)
            return r;
        mutex_unlock(&to->lock);
        r = 0;
        lock_both(from, to);
        if (!(from->claimed & PIPE_CLAIM_READ) && !(to->claimed & PIPE_CLAIM_WRITE) && to->readers)
            r = copy_pieces(from, to, n);
        if (r > 0) {
            if (!keep)
                pipe_skip(from, (u64)r);
            pipe_update(from);
            pipe_update(to);
        }
        mutex_unlock(&from->lock);
        mutex_unlock(&to->lock);
    } while (r == 0);
    return r;
}

ssize_t splice_to_user(struct file *in, struct uio *u, bool nonblock)
{
    struct pipe *p = pipe_of(in);
    ssize_t r = lock_readable(in, nonblock);

    if (r <= 0)
        return r;
    r = pipe_take(p, u);
    pipe_update(p);
    mutex_unlock(&p->lock);
    return r;
}

ssize_t splice_from_user(struct uio *u, struct file *out, bool nonblock)
{
    struct pipe *p = pipe_of(out);
    ssize_t r = lock_writable(out, nonblock);

    if (r < 0)
        return r;
    r = pipe_put(p, u, MIN(u->left, pipe_room(p)));
    pipe_update(p);
    mutex_unlock(&p->lock);
    return r;
}
