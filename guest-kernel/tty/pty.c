/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-terminals: pty(7). Each open of /dev/ptmx makes one; what programs write to it waits in a ring
 * until the master reads it, and what the master writes is input. It is known in /dev/pts as long as the
 * master is open.
 */
#include "core/string.h"
#include "fs/inode.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "tty/tty.h"
#include "tty/tty_impl.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>

#define RING 8192u
#define RING_SOFT 4096u /* for write(2); what is above is for echo */

struct pty {
    struct tty tty;
    struct file *master; /* tty.lock; NULL: closed */
    u8 out[RING];        /* tty.lock: what the master has not read yet */
    u32 head, tail;      /* tty.lock */
    struct event sent;   /* there is something for the master, or all others have closed */
};

static struct pty *pty_of(const struct tty *t)
{
    return container_of(t, struct pty, tty);
}

/* --- the terminal's other side -------------------------------------------------------------------- */

static u32 waiting(const struct pty *p)
{
    return p->head - p->tail;
}

static u32 pty_room(const struct tty *t)
{
    u32 n = waiting(pty_of(t));

    return n < RING_SOFT ? RING_SOFT - n : 0;
}

static void pty_put(struct tty *t, const u8 *s, u32 n)
{
    struct pty *p = pty_of(t);

    if (n > RING - waiting(p))
        n = RING - waiting(p);
    ring_put(p->out, RING, p->head, s, n);
    p->head += n;
}

static void pty_flush(struct tty *t)
{
    pty_of(t)->tail = pty_of(t)->head;
    tty_packet_news(t, 0, TIOCPKT_FLUSHWRITE);
}

/* All files of the programs' side were closed. */
static bool deserted(const struct pty *p)
{
    return p->tty.was_open && list_empty(&p->tty.files);
}

static void pty_tell(struct tty *t)
{
    struct pty *p = pty_of(t);
    bool news = t->packet && t->news;
    bool readable = waiting(p) || deserted(p) || news, writable = !ldisc_input_full(t);
    u32 set = (readable ? SIG_READABLE : 0) | (writable ? SIG_WRITABLE : 0) |
              (deserted(p) ? SIG_HANGUP : 0) | (news ? SIG_PRIORITY : 0);

    object_signal(&p->sent.obj, readable ? 0 : SIG_SIGNALED, readable ? SIG_SIGNALED : 0);
    if (p->master)
        object_signal(&p->master->obj,
                      ~set & (SIG_READABLE | SIG_WRITABLE | SIG_HANGUP | SIG_PRIORITY), set);
}

static void pty_destroy(struct tty *t)
{
    kfree(pty_of(t));
}

static const struct tty_driver pty_driver = {
    .room = pty_room, .put = pty_put, .flush = pty_flush, .tell = pty_tell, .destroy = pty_destroy,
};

/* --- the master ----------------------------------------------------------------------------------- */

static size_t take(struct pty *p, u8 *out, size_t n)
{
    n = MIN(n, waiting(p));
    ring_get(p->out, RING, p->tail, out, (u32)n);
    p->tail += (u32)n;
    if (n)
        tty_tell(&p->tty);
    return n;
}

/*
 * What a read in packet mode begins with: a byte of news, which is all that it gets (*news), or one that
 * says that data come. How many bytes. Locked.
 */
static u32 take_packet_byte(struct pty *p, u8 *out, bool *news)
{
    struct tty *t = &p->tty;

    *news = t->packet && t->news;
    if (!t->packet || (!t->news && !waiting(p)))
        return 0;
    *out = *news ? t->news : TIOCPKT_DATA;
    t->news = 0;
    if (*news)
        tty_tell(t);
    return 1;
}

static ssize_t master_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct pty *p = f->priv;
    u8 buf[TTY_OUT_PART];
    ssize_t done = 0;

    while (u->left) {
        bool over, news = false;
        size_t n = 0;

        mutex_lock(&p->tty.lock);
        if (!done)
            n = take_packet_byte(p, buf, &news);
        if (!news)
            n += take(p, buf + n, MIN(u->left, sizeof(buf)) - n);
        over = deserted(p);
        mutex_unlock(&p->tty.lock);
        if (uio_to(u, buf, n) < n)
            return -EFAULT;
        done += (ssize_t)n;
        if (n == sizeof(buf) && !news)
            continue;
        if (done)
            break;
        if (over)
            return -EIO;
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (object_wait(&p->sent.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
            return -ERESTART;
    }
    return done;
}

static ssize_t master_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct tty *t = &((struct pty *)f->priv)->tty;
    u8 buf[TTY_INPUT_PART];
    ssize_t done = 0;

    while (u->left) {
        size_t n = 0;
        bool full;

        mutex_lock(&t->lock);
        full = ldisc_input_full(t);
        mutex_unlock(&t->lock);
        if (!full) {
            n = uio_from(u, buf, MIN(u->left, sizeof(buf)));
            if (!n)
                return done ? done : -EFAULT;
            mutex_lock(&t->lock);
            ldisc_input(t, buf, n);
            mutex_unlock(&t->lock);
            done += (ssize_t)n;
            continue;
        }
        if (f->flags & O_NONBLOCK)
            return done ? done : -EAGAIN;
        if (object_wait(&t->room.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
            return done ? done : -ERESTART;
    }
    return done;
}

static s64 lock(struct tty *t, u64 arg)
{
    s32 on;

    if (copy_from_user(&on, arg, sizeof(on)))
        return -EFAULT;
    mutex_lock(&t->lock);
    t->locked = on;
    mutex_unlock(&t->lock);
    return 0;
}

static s64 set_packet_mode(struct tty *t, u64 arg)
{
    s32 on;

    if (copy_from_user(&on, arg, sizeof(on)))
        return -EFAULT;
    mutex_lock(&t->lock);
    if (!on || !t->packet)
        t->news = 0;
    t->packet = on;
    tty_tell(t);
    mutex_unlock(&t->lock);
    return 0;
}

static s64 send_signal(struct tty *t, u64 signo)
{
    if (signo != SIGINT && signo != SIGQUIT && signo != SIGTSTP)
        return -EINVAL;
    tty_signal_foreground(t, (int)signo);
    return 0;
}

static s64 master_ioctl(struct file *f, u32 cmd, u64 arg)
{
    struct pty *p = f->priv;
    struct tty *t = &p->tty;
    s32 v;

    switch (cmd) {
    case TIOCGPTN: v = (s32)t->index; break;
    case TIOCGPTLCK: v = t->locked; break;
    case TIOCGPKT: v = t->packet; break;
    case TIOCGPGRP: v = (s32)READ_ONCE(t->pgrp); break; /* the other side's, whoever asks */
    case TIOCGSID:
        v = (s32)READ_ONCE(t->session);
        if (!v)
            return -ENOTTY;
        break;
    case FIONREAD:
        mutex_lock(&t->lock);
        v = (s32)waiting(p);
        mutex_unlock(&t->lock);
        break;
    case TIOCSPTLCK: return lock(t, arg);
    case TIOCPKT: return set_packet_mode(t, arg);
    case TIOCSIG: return send_signal(t, arg);
    case TIOCNOTTY: return -ENOTTY; /* a master controls no session; the rest is the other side's */
    default: return tty_common_ioctl(t, cmd, arg);
    }
    return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static void master_release(struct file *f)
{
    struct pty *p = f->priv;

    devpts_remove(p->tty.index);
    mutex_lock(&p->tty.lock);
    p->master = NULL;
    mutex_unlock(&p->tty.lock);
    tty_hangup(&p->tty);
    tty_unref(&p->tty);
}

static const struct file_ops master_ops = {
    .read = master_read, .write = master_write, .ioctl = master_ioctl, .release = master_release,
};

int pty_open_master(struct file *f)
{
    struct pty *p = kzalloc(sizeof(*p));
    int r;

    if (!p)
        return -ENOMEM;
    tty_init(&p->tty, &pty_driver);
    p->tty.locked = true;
    event_init(&p->sent);
    r = tty_register(&p->tty);
    if (r) {
        tty_unref(&p->tty);
        return r;
    }
    r = devpts_add(p->tty.index);
    if (r) {
        tty_hangup(&p->tty);
        tty_unref(&p->tty);
        return r;
    }
    mutex_lock(&p->tty.lock);
    p->master = f;
    f->priv = p;
    f->ops = &master_ops;
    tty_tell(&p->tty);
    mutex_unlock(&p->tty.lock);
    return 0;
}

int tty_open_peer(struct file *f, u32 flags, struct file **out)
{
    const struct pty *p = f->priv;

    if (f->ops == &master_ops)
        return devpts_open(p->tty.index, flags, out);
    return f->inode && inode_type(f->inode) == S_IFCHR_ && tty_is_device(f->inode->rdev) ? -EIO
                                                                                         : -ENOTTY;
}
