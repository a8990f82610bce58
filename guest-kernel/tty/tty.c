/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: which there are, whose session they control, and the files that programs have of them. What
 * these are asked by ioctl is in tty_ioctl.c.
 */
#include "tty/tty.h"

#include "core/refs.h"
#include "core/string.h"
#include "core/time.h"
#include "fs/cred.h"
#include "fs/inode.h"
#include "fs/proc.h"
#include "mm/slab.h"
#include "object/process.h"
#include "tty/tty_impl.h"

#include <asm/ioctls.h>
#include <linux/fcntl.h>

#define PTS_MAJOR 136u

static struct mutex registry; /* taken before any tty->lock */
static struct list ttys = LIST_INIT(ttys);
static u64 grants = TTY_FIRST_GRANT; /* registry: how often a terminal was taken */

struct tty_file {
    struct list node;
    struct file *file;
    struct tty *tty; /* a reference */
};

static struct tty *tty_of_file(const struct file *f)
{
    const struct tty_file *tf = f->priv;

    return tf->tty;
}

/* --- which there are ------------------------------------------------------------------------------ */

static const u8 default_cc[] = {
    [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1,
    [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23,
    [VLNEXT] = 22,
};

void tty_init(struct tty *t, const struct tty_driver *driver)
{
    t->refs = 1;
    t->driver = driver;
    list_init(&t->node);
    list_init(&t->files);
    mutex_init(&t->lock);
    event_init(&t->ready);
    event_init(&t->drained);
    event_init(&t->room);
    event_set(&t->room);
    t->t = (struct termios2){
        .c_iflag = ICRNL | IXON, .c_oflag = OPOST | ONLCR, .c_cflag = B38400 | CS8 | CREAD,
        .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        .c_ispeed = 38400, .c_ospeed = 38400,
    };
    memcpy(t->t.c_cc, default_cc, sizeof(default_cc));
}

void tty_ref(struct tty *t)
{
    refs_get(&t->refs);
}

void tty_unref(struct tty *t)
{
    if (refs_put(&t->refs))
        t->driver->destroy(t);
}

/* Registry locked. */
static struct tty *find(u32 index)
{
    struct tty *t;

    list_for_each(t, &ttys, node)
        if (t->index == index && !t->hung_up)
            return t;
    return NULL;
}

int tty_register(struct tty *t)
{
    int r = -ENOSPC;

    mutex_lock(&registry);
    for (t->index = 0; t->index < TTY_MAX; t->index++) {
        if (!find(t->index)) {
            list_add_tail(&ttys, &t->node);
            r = 0;
            break;
        }
    }
    mutex_unlock(&registry);
    return r;
}

/* --- sessions ------------------------------------------------------------------------------------- */

/* Registry locked. */
static struct tty *of_session(u32 sid)
{
    struct tty *t;

    list_for_each(t, &ttys, node)
        if (t->session == sid)
            return t;
    return NULL;
}

void tty_signal_foreground(struct tty *t, int signo)
{
    u32 pgrp = READ_ONCE(t->pgrp);

    if (pgrp)
        signal_pgrp(pgrp, signo);
}

bool tty_controls(const struct tty *t, struct process *p)
{
    u32 sid = process_session_id(p);

    return sid && sid == READ_ONCE(t->session) && p->tty_grant == READ_ONCE(t->grant);
}

/* It is no session's terminal any more; its reference is the caller's to drop. Registry locked. */
static void leave_session(struct tty *t)
{
    WRITE_ONCE(t->session, 0);
    WRITE_ONCE(t->pgrp, 0);
    if (t->hung_up)
        list_del(&t->node); /* it was known for its session only */
}

/* The session has no terminal any more, and the group in front hears of it. */
static void end_session(u32 sid, bool leader_ended)
{
    struct tty *t;
    u32 pgrp = 0;
    bool resume = false;

    mutex_lock(&registry);
    t = of_session(sid);
    if (t) {
        pgrp = t->pgrp;
        resume = t->hung_up || !leader_ended; /* as Linux: stopped ones are orphaned else */
        leave_session(t);
    }
    mutex_unlock(&registry);
    if (!t)
        return;
    if (pgrp) {
        signal_pgrp(pgrp, SIGHUP);
        if (resume)
            signal_pgrp(pgrp, SIGCONT);
    }
    tty_unref(t);
}

void tty_session_ended(u32 sid)
{
    end_session(sid, true);
}

void tty_give_up(struct tty *t)
{
    struct process *p = process_current();

    if (READ_ONCE(t->session) == p->pid)
        end_session(p->pid, false);
    p->tty_grant = 0;
}

int tty_take_session(struct tty *t, bool steal)
{
    struct process *p = process_current();
    u32 sid = process_session_id(p);
    struct tty *old;
    int r = 0;

    if (sid != p->pid)
        return -EPERM;
    mutex_lock(&registry);
    old = of_session(sid);
    if (old && old != t && old->hung_up)
        leave_session(old);
    else if (old != t && (old || t->hung_up || (t->session && !steal)))
        r = -EPERM;
    if (r == 0 && old != t) {
        if (!t->session)
            tty_ref(t);
        WRITE_ONCE(t->session, sid);
        WRITE_ONCE(t->pgrp, process_group_id(p));
        WRITE_ONCE(t->grant, ++grants);
        p->tty_grant = t->grant;
    }
    mutex_unlock(&registry);
    if (r == 0 && old && old != t)
        tty_unref(old);
    return r;
}

void tty_of_process(struct process *p, u32 *dev, s32 *pgrp)
{
    u32 sid = process_session_id(p);
    struct tty *t;

    *dev = 0;
    *pgrp = -1;
    mutex_lock(&registry);
    t = sid ? of_session(sid) : NULL;
    if (t && !t->hung_up && tty_controls(t, p)) {
        *dev = (u32)DEV_PTS(t->index);
        *pgrp = (s32)t->pgrp;
    }
    mutex_unlock(&registry);
}

/* The leader is told; its foreground group will be when it ends. */
static void tell_leader(u32 sid)
{
    struct process *p = sid ? process_find(sid) : NULL;

    if (!p)
        return;
    signal_kernel(p, SIGHUP);
    signal_kernel(p, SIGCONT);
    object_unref(&p->obj);
}

void tty_hangup(struct tty *t)
{
    u32 sid;

    mutex_lock(&registry);
    mutex_lock(&t->lock);
    t->ended = t->hung_up = true;
    ldisc_flush_input(t);
    mutex_unlock(&t->lock);
    sid = t->session;
    if (!sid)
        list_del(&t->node);
    mutex_unlock(&registry);
    tell_leader(sid);
}

int tty_check_background(const struct tty *t, int signo)
{
    struct process *p = process_current();
    u32 group = process_group_id(p), front = READ_ONCE(t->pgrp);

    if (!front || !tty_controls(t, p) || group == front)
        return 0;
    if (signal_is_shut(signo))
        return signo == SIGTTIN ? -EIO : 0;
    if (process_group_orphaned(group))
        return -EIO;
    signal_pgrp(group, signo);
    return -ERESTART;
}

/* --- the files ------------------------------------------------------------------------------------ */

/* poll(2): with a least number of bytes and no time, as many are waited for. */
static bool is_readable(const struct tty *t)
{
    u32 n = t->line - t->tail;
    bool raw = !(t->t.c_lflag & ICANON);

    return n >= (raw && !t->t.c_cc[VTIME] && t->t.c_cc[VMIN] ? t->t.c_cc[VMIN] : 1);
}

void tty_packet_news(struct tty *t, u8 clear, u8 set)
{
    if (t->packet)
        t->news = (u8)((t->news & ~clear) | set);
}

void tty_set_stopped(struct tty *t, bool stopped)
{
    if (t->stopped != stopped)
        tty_packet_news(t, TIOCPKT_STOP | TIOCPKT_START, stopped ? TIOCPKT_STOP : TIOCPKT_START);
    t->stopped = stopped;
}

void tty_tell(struct tty *t)
{
    bool readable = is_readable(t) || t->ended, any = t->line != t->tail || t->ended;
    bool writable = t->hung_up || (!t->stopped && t->driver->room(t) >= TTY_EXPANDS);
    bool room = !ldisc_input_full(t) || t->hung_up;
    u32 set = (readable ? SIG_READABLE : 0) | (writable ? SIG_WRITABLE : 0) |
              (t->ended ? SIG_HANGUP : 0) | (t->hung_up ? SIG_ERROR : 0);
    struct tty_file *f;

    object_signal(&t->ready.obj, any ? 0 : SIG_SIGNALED, any ? SIG_SIGNALED : 0);
    object_signal(&t->drained.obj, writable ? 0 : SIG_SIGNALED, writable ? SIG_SIGNALED : 0);
    object_signal(&t->room.obj, room ? 0 : SIG_SIGNALED, room ? SIG_SIGNALED : 0);
    list_for_each(f, &t->files, node)
        object_signal(&f->file->obj, ~set & (SIG_READABLE | SIG_WRITABLE), set);
    if (t->driver->tell)
        t->driver->tell(t);
}

/* Bytes that end a read, and how long to wait for the next one (0: for ever); locked. */
static size_t least(const struct tty *t, size_t n, size_t done, u64 *deadline)
{
    u32 min = t->t.c_cc[VMIN], time = t->t.c_cc[VTIME];

    *deadline = DEADLINE_NEVER;
    if (t->t.c_lflag & ICANON)
        return 1;
    if (!min || (time && done)) /* for all of the read, or from byte to byte */
        *deadline = time ? time_mono() + time * (NSEC_PER_SEC / 10) : 0;
    return min ? MIN(min, n) : 1;
}

static ssize_t tty_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct tty *t = tty_of_file(f);
    size_t n = u->left, done = 0, want;
    u8 buf[TTY_INPUT_PART];
    bool end = false;
    u64 deadline;
    int r;

    while (n && !end) {
        size_t k;
        bool ended;

        r = tty_check_background(t, SIGTTIN);
        if (r)
            return done ? (ssize_t)done : r;
        mutex_lock(&t->lock);
        k = ldisc_take(t, buf, MIN(n - done, sizeof(buf)), &end);
        ended = t->ended;
        want = least(t, n, done + k, &deadline);
        mutex_unlock(&t->lock);
        if (uio_to(u, buf, k) < k)
            return -EFAULT;
        done += k;
        if (end || done == n || (done >= want && k < sizeof(buf)) || (ended && !k))
            break;
        if (k)
            continue; /* there may be more */
        if (f->flags & O_NONBLOCK)
            return done ? (ssize_t)done : -EAGAIN;
        r = object_wait(&t->ready.obj, SIG_SIGNALED, deadline, WAIT_INTERRUPTIBLE);
        if (r == -ETIMEDOUT)
            break;
        if (r)
            return done ? (ssize_t)done : -ERESTART;
    }
    return (ssize_t)done;
}

/* Let some bytes out; how many were used, 0: there is no room, or -errno. */
static ssize_t write_part(struct tty *t, const u8 *in, u32 n)
{
    u8 out[TTY_OUT_PART];
    u32 used = 0, len = 0;
    ssize_t r = 0;

    mutex_lock(&t->lock);
    if (t->hung_up) {
        r = -EIO;
    } else if (!t->stopped) {
        used = ldisc_output(t, in, n, out, MIN(t->driver->room(t), sizeof(out)), &len);
        if (!t->driver->send && len)
            t->driver->put(t, out, len);
        tty_tell(t);
    }
    mutex_unlock(&t->lock);
    if (r == 0 && t->driver->send && len)
        r = t->driver->send(t, out, len);
    return r < 0 ? r : (ssize_t)used;
}

static ssize_t tty_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    struct tty *t = tty_of_file(f);
    u8 in[TTY_OUT_PART / TTY_EXPANDS];
    ssize_t done = 0, r = 0;
    u32 n = 0, at = 0;

    if (t->t.c_lflag & TOSTOP) {
        r = tty_check_background(t, SIGTTOU);
        if (r)
            return r;
    }
    while (at < n || u->left) {
        if (at == n) {
            n = (u32)uio_from(u, in, MIN(u->left, sizeof(in)));
            at = 0;
            if (!n) {
                r = -EFAULT;
                break;
            }
        }
        r = write_part(t, in + at, n - at);
        if (r < 0)
            break;
        at += (u32)r;
        done += r;
        if (r)
            continue;
        r = f->flags & O_NONBLOCK
                ? -EAGAIN
                : object_wait(&t->drained.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
        if (r) {
            r = r == -EINTR ? -ERESTART : r;
            break;
        }
    }
    return done ? done : r;
}

static s64 tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
    /* Who takes it has to be able to read from it. */
    if (cmd == TIOCSCTTY && (f->flags & O_ACCMODE) == O_WRONLY &&
        !cred_has(process_current()->cred, CAP_SYS_ADMIN_))
        return -EPERM;
    return tty_common_ioctl(tty_of_file(f), cmd, arg);
}

static void tty_release(struct file *f)
{
    struct tty_file *tf = f->priv;
    struct tty *t = tf->tty;

    mutex_lock(&t->lock);
    list_del(&tf->node);
    tty_tell(t);
    mutex_unlock(&t->lock);
    kfree(tf);
    tty_unref(t);
}

static const struct file_ops tty_ops = {
    .read = tty_read, .write = tty_write, .ioctl = tty_ioctl, .release = tty_release,
};

/* --- opening -------------------------------------------------------------------------------------- */

bool tty_is_device(u64 rdev)
{
    return dev_major_of(rdev) == PTS_MAJOR || rdev == DEV_TTY || rdev == DEV_CONSOLE || rdev == DEV_PTMX;
}

/* What a device stands for, with a reference. */
static struct tty *behind(u64 rdev)
{
    struct tty *t;

    mutex_lock(&registry);
    if (rdev == DEV_TTY) {
        t = of_session(process_session_id(process_current()));
        if (t && (t->hung_up || !tty_controls(t, process_current())))
            t = NULL;
    } else {
        t = find(rdev == DEV_CONSOLE ? 0 : dev_minor_of(rdev));
        if (t && rdev == DEV_CONSOLE && t->driver->destroy)
            t = NULL; /* a pseudo-terminal has the number */
    }
    if (t)
        tty_ref(t);
    mutex_unlock(&registry);
    return t;
}

static int attach(struct file *f, struct tty *t)
{
    struct tty_file *tf = kmalloc(sizeof(*tf));
    int r = 0;

    if (!tf)
        return -ENOMEM;
    tf->file = f;
    tf->tty = t;
    mutex_lock(&t->lock);
    if (t->locked || t->hung_up) {
        r = -EIO;
    } else {
        f->priv = tf;
        f->ops = &tty_ops;
        t->was_open = true;
        list_add_tail(&t->files, &tf->node);
        tty_tell(t);
    }
    mutex_unlock(&t->lock);
    if (r)
        kfree(tf);
    return r;
}

int tty_open_device(struct file *f, u32 flags)
{
    u64 rdev = f->inode->rdev;
    struct tty *t;
    int r;

    if (rdev == DEV_PTMX)
        return pty_open_master(f);
    t = behind(rdev);
    if (!t)
        return rdev == DEV_TTY ? -ENXIO : -EIO;
    r = attach(f, t);
    if (r) {
        tty_unref(t);
        return r;
    }
    /* The first terminal that a session's leader opens becomes the session's: credentials(7). */
    if (!(flags & O_NOCTTY) && rdev != DEV_TTY && (flags & O_ACCMODE) != O_WRONLY)
        tty_take_session(t, false);
    return 0;
}

void tty_boot(void)
{
    mutex_init(&registry);
    console_boot();
}
