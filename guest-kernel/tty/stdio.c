/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inherited descriptors 0, 1 and 2. Their data move only when the guest asks: the VMM says that one
 * is readable, and a read call follows. A call that waits in the host goes on without its caller if that
 * is killed, so its buffer is its own.
 */
#include "tty/stdio.h"

#include "core/boot.h"
#include "core/hostcall.h"
#include "core/refs.h"
#include "core/string.h"
#include "fs/inode.h"
#include "mm/slab.h"
#include "object/process.h"
#include "object/wait.h"
#include "tty/tty.h"

#include <linux/fcntl.h>

#define PART 16384u
#define POLL_IN 1u
#define POLL_ERR_HUP 0x18u

u32 stdio_mode[3];

/* --- transfers ------------------------------------------------------------------------------------ */

struct transfer {
    u32 users; /* atomic: the caller, and the call while it is pending */
    struct event done;
    s64 ret;
    u8 data[PART];
};

static void transfer_unref(struct transfer *t)
{
    if (refs_put(&t->users))
        kfree(t);
}

static void transfer_done(void *arg, s64 ret)
{
    struct transfer *t = arg;

    t->ret = ret;
    event_set(&t->done);
    transfer_unref(t);
}

/* Do one call; its answer, or -EINTR if the caller is ending before. */
static s64 run(struct transfer *t, u32 nr, u32 fd, size_t n)
{
    struct hc_io io;
    s64 r;

    hc_io_init(&io);
    if (nr == RV_HC_stdio_write)
        hc_in(&io, t->data, n);
    else
        hc_out(&io, t->data, n);
    t->users = 2;
    event_init(&t->done);
    r = hostcall_async(nr, fd, 0, 0, 0, 0, &io, transfer_done, t);
    if (r != RV_PENDING) {
        t->users = 1;
        return r;
    }
    r = object_wait(&t->done.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_KILLABLE);
    return r ? r : t->ret;
}

ssize_t stdio_write_buf(u32 fd, const void *buf, size_t n)
{
    struct transfer *t = kmalloc(sizeof(*t));
    ssize_t done = 0;
    s64 r = 0;

    if (!t)
        return -ENOMEM;
    while ((size_t)done < n) {
        size_t part = MIN(n - (size_t)done, PART);

        memcpy(t->data, (const u8 *)buf + done, part);
        r = run(t, RV_HC_stdio_write, fd, part);
        if (r <= 0)
            break;
        done += r;
    }
    transfer_unref(t);
    return done ? done : r;
}

/* --- readiness ------------------------------------------------------------------------------------ */

static struct source {
    struct object *shown_on; /* readiness for reading shows here */
    bool asked;              /* atomic: a stdio_poll is pending */
} sources[3];

static void readable(void *arg, s64 ret)
{
    struct source *s = arg;

    __atomic_store_n(&s->asked, false, __ATOMIC_RELEASE);
    /* An error is found out by the read. */
    object_signal(s->shown_on, 0,
                  SIG_READABLE | (ret > 0 && (ret & POLL_ERR_HUP) ? SIG_HANGUP : 0));
}

/* Ask to be told when descriptor fd has something to read. */
static void ask(u32 fd)
{
    struct source *s = &sources[fd];
    s64 r;

    if (__atomic_exchange_n(&s->asked, true, __ATOMIC_ACQ_REL))
        return;
    r = hostcall_async(RV_HC_stdio_poll, fd, POLL_IN, 0, 0, 0, NULL, readable, s);
    if (r != RV_PENDING)
        readable(s, r);
}

void stdio_watch(u32 fd, struct object *shown_on)
{
    sources[fd].shown_on = shown_on;
    ask(fd);
}

ssize_t stdio_read_buf(u32 fd, void *buf, size_t n)
{
    struct transfer *t = kmalloc(sizeof(*t));
    s64 r;

    if (!t)
        return -ENOMEM;
    r = run(t, RV_HC_stdio_read, fd, MIN(n, PART));
    if (r > 0)
        memcpy(buf, t->data, MIN((size_t)r, n));
    transfer_unref(t);
    if (sources[fd].shown_on && r != -EINTR) {
        if (r != 0) { /* at the end it stays readable */
            object_signal(sources[fd].shown_on, SIG_READABLE, 0);
            ask(fd);
        }
    }
    return r;
}

/* --- descriptors that are no terminal of ours ----------------------------------------------------- */

static u32 number(struct file *f)
{
    return (u32)(u64)f->priv;
}

static bool always_ready(u32 fd)
{
    u32 type = stdio_mode[fd] & S_IFMT_;

    return type == S_IFREG_ || type == S_IFBLK_ || type == S_IFDIR_;
}

ssize_t stdio_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    u32 fd = number(f);
    ssize_t r = 0;
    u8 *buf;

    if (!u->left)
        return 0;
    /* Opened anew for reading (/proc/self/fd/1), but the host is never asked whether there is anything. */
    if (fd && !always_ready(fd))
        return -EBADF;
    while (!always_ready(fd) && !(object_signals(&f->obj) & SIG_READABLE)) {
        if (f->flags & O_NONBLOCK)
            return -EAGAIN;
        if (object_wait(&f->obj, SIG_READABLE, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
            return -ERESTART;
    }
    buf = kmalloc(PART);
    if (!buf)
        return -ENOMEM;
    r = stdio_read_buf(fd, buf, MIN(u->left, PART));
    if (r > 0 && uio_to(u, buf, (size_t)r) < (size_t)r)
        r = -EFAULT;
    kfree(buf);
    return r;
}

ssize_t stdio_write(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    u8 *buf = kmalloc(MIN(u->left, PART) + 1);
    ssize_t done = 0, r = 0;

    if (!buf)
        return -ENOMEM;
    while (u->left) {
        size_t want = MIN(u->left, PART), got = uio_from(u, buf, want);

        if (!got) {
            r = -EFAULT;
            break;
        }
        r = stdio_write_buf(number(f), buf, got);
        if (r <= 0)
            break;
        done += r;
        if ((size_t)r < got)
            break;
    }
    kfree(buf);
    return done ? done : r;
}

static const struct file_ops stdio_ops = { .read = stdio_read, .write = stdio_write };

static struct superblock stdio_sb;

static void stdio_inode_destroy(struct inode *i)
{
    kfree(i);
}

static const struct inode_ops stdio_inode_ops = { .destroy = stdio_inode_destroy };

/* For fstat. */
static struct inode *stdio_inode(u32 fd)
{
    struct inode *i;

    if (!stdio_sb.dev)
        stdio_sb.dev = superblock_new_dev();
    if ((stdio_mode[fd] & S_IFMT_) == S_IFREG_)
        return stdio_file_inode(fd, &stdio_sb);
    i = kzalloc(sizeof(*i));
    if (!i)
        return NULL;
    inode_init(i, &stdio_sb, &stdio_inode_ops, NULL, stdio_mode[fd]);
    i->atime = i->mtime = i->ctime = fs_now();
    return i;
}

void stdio_boot(void)
{
    for (u32 i = 0; i < 3; i++)
        stdio_mode[i] = boot_cell(boot_node("process"), "stdio-mode", i, 0);
}

struct file *stdio_open(int fd)
{
    struct file *f;

    if (!stdio_mode[fd])
        return NULL;
    if (tty_is_console())
        return devpts_open(0, O_RDWR | O_NOCTTY, &f) ? NULL : f;
    f = file_create((stdio_mode[fd] & S_IFMT_) == S_IFREG_ ? &stdio_file_ops : &stdio_ops,
                    fd ? O_WRONLY : O_RDONLY,
                    SIG_WRITABLE | (always_ready((u32)fd) ? SIG_READABLE : 0), (void *)(u64)fd);
    if (!f)
        return NULL;
    f->inode = stdio_inode((u32)fd);
    if (fd == 0 && !always_ready(0))
        stdio_watch(0, &f->obj);
    return f;
}
