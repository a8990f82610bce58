/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's terminal: line discipline and job control of termios(3) and ioctl_tty(2) between the
 * programs and the outer terminal, which runrsc has made raw. A kernel thread takes the input, so that
 * ^C works while nobody reads.
 */
#include "tty/tty.h"

#include "core/boot.h"
#include "core/print.h"
#include "core/string.h"
#include "core/time.h"
#include "fs/inode.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "object/wait.h"
#include "tty/stdio.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>

#define INPUT_MAX 4096u /* N_TTY_BUF_SIZE: bytes that wait to be read */
#define OUT_PART 512u

struct winsize_abi {
    u16 rows, columns, xpixel, ypixel;
};

static struct {
    bool there;
    struct mutex lock; /* all below but `source` and `size` */
    struct termios t;
    u8 buf[INPUT_MAX]; /* ring of input that may be read, and the line being edited behind it */
    u32 head, tail;    /* tail ... head: input */
    u32 line;          /* tail ... line: whole lines, or all input without ICANON */
    u8 mark[INPUT_MAX / 8]; /* a bit for each byte of the ring: it stands for ^D */
    u32 column;        /* of the cursor, for tabs */
    bool hung_up;
    u32 session, pgrp; /* 0: none */
    struct event ready;   /* input to read, for those who wait */
    struct event source;  /* the outer terminal has something */
    struct event room;    /* the input has room again */
    u32 size;          /* atomic: columns << 16 | rows */
    struct list files; /* struct tty_file.node */
} tty;

struct tty_file {
    struct list node;
    struct file *file;
};

/* --- output --------------------------------------------------------------------------------------- */

/* One byte as it goes out; at most 8 bytes. tty.lock held. */
static u32 output_byte(u8 c, u8 *out)
{
    if (!(tty.t.c_oflag & OPOST)) {
        out[0] = c;
        return 1;
    }
    switch (c) {
    case '\n':
        if (tty.t.c_oflag & ONLRET)
            tty.column = 0;
        if (tty.t.c_oflag & ONLCR) {
            tty.column = 0;
            out[0] = '\r';
            out[1] = '\n';
            return 2;
        }
        break;
    case '\r':
        if ((tty.t.c_oflag & ONOCR) && !tty.column)
            return 0;
        tty.column = 0;
        if (tty.t.c_oflag & OCRNL)
            c = '\n';
        break;
    case '\t': {
        u32 n = 8 - tty.column % 8;

        tty.column += n;
        if ((tty.t.c_oflag & TABDLY) == XTABS) {
            memset(out, ' ', n);
            return n;
        }
        break;
    }
    case '\b':
        if (tty.column)
            tty.column--;
        break;
    default:
        if (c >= ' ' && (c & 0xc0) != 0x80)
            tty.column++;
        break;
    }
    out[0] = c;
    return 1;
}

static void echo_text(const u8 *s, u32 n)
{
    stdio_write_buf(1, s, n);
}

static void echo(u8 c)
{
    u8 out[8];
    u32 n;

    if ((tty.t.c_lflag & ECHOCTL) && c < ' ' && c != '\n' && c != '\t') {
        out[0] = '^';
        out[1] = c ^ 0x40;
        n = 2;
        tty.column += 2;
    } else {
        n = output_byte(c, out);
    }
    echo_text(out, n);
}

/* --- input ---------------------------------------------------------------------------------------- */

static u32 used(void)
{
    return tty.head - tty.tail;
}

static void tell_readers(void)
{
    bool readable = tty.line != tty.tail || tty.hung_up;
    struct tty_file *f;

    object_signal(&tty.ready.obj, readable ? 0 : SIG_SIGNALED, readable ? SIG_SIGNALED : 0);
    list_for_each(f, &tty.files, node)
        object_signal(&f->file->obj, readable ? 0 : SIG_READABLE,
                      (readable ? SIG_READABLE : 0) | (tty.hung_up ? SIG_HANGUP : 0));
}

static void put_byte(u8 c, bool mark)
{
    u32 i = tty.head % INPUT_MAX;

    if (used() >= INPUT_MAX)
        return; /* as a terminal does: what does not fit is lost */
    tty.buf[i] = c;
    if (mark)
        tty.mark[i / 8] |= (u8)(1u << (i % 8));
    else
        tty.mark[i / 8] &= (u8)~(1u << (i % 8));
    tty.head++;
}

/* Erase the last character of the line (a whole UTF-8 one); false: the line is empty. */
static bool erase_one(void)
{
    bool wide = false;

    if (tty.head == tty.line)
        return false;
    do {
        wide = (tty.buf[(tty.head - 1) % INPUT_MAX] & 0xc0) == 0x80;
        tty.head--;
    } while ((tty.t.c_iflag & IUTF8) && wide && tty.head != tty.line);
    if (tty.t.c_lflag & ECHO) {
        u8 c = tty.buf[tty.head % INPUT_MAX];

        echo_text((const u8 *)"\b \b\b \b", (tty.t.c_lflag & ECHOCTL) && c < ' ' ? 6 : 3);
    }
    return true;
}

static void erase_word(void)
{
    while (tty.head != tty.line && tty.buf[(tty.head - 1) % INPUT_MAX] == ' ')
        erase_one();
    while (tty.head != tty.line && tty.buf[(tty.head - 1) % INPUT_MAX] != ' ')
        erase_one();
}

static bool is_control(u8 c, u32 which)
{
    return tty.t.c_cc[which] && c == tty.t.c_cc[which];
}

static bool signal_byte(u8 c)
{
    int signo = is_control(c, VINTR)   ? SIGINT
                : is_control(c, VQUIT) ? SIGQUIT
                : is_control(c, VSUSP) ? SIGTSTP
                                       : 0;

    if (!signo)
        return false;
    if (!(tty.t.c_lflag & NOFLSH))
        tty.head = tty.line = tty.tail;
    if (tty.t.c_lflag & ECHO)
        echo(c);
    if (tty.pgrp)
        signal_pgrp(tty.pgrp, signo);
    return true;
}

/* Editing of a line: true if the byte is used up by it. */
static bool edit_byte(u8 c)
{
    if (is_control(c, VERASE)) {
        erase_one();
    } else if (is_control(c, VKILL)) {
        while (erase_one())
            ;
    } else if ((tty.t.c_lflag & IEXTEN) && is_control(c, VWERASE)) {
        erase_word();
    } else if (is_control(c, VEOF)) {
        put_byte(0, true);
        tty.line = tty.head;
    } else {
        return false;
    }
    return true;
}

static void input_byte(u8 c)
{
    if (tty.t.c_iflag & ISTRIP)
        c &= 0x7f;
    if (c == '\r') {
        if (tty.t.c_iflag & IGNCR)
            return;
        if (tty.t.c_iflag & ICRNL)
            c = '\n';
    } else if (c == '\n' && (tty.t.c_iflag & INLCR)) {
        c = '\r';
    }
    if ((tty.t.c_lflag & ISIG) && signal_byte(c))
        return;
    if ((tty.t.c_lflag & ICANON) && edit_byte(c))
        return;
    if ((tty.t.c_lflag & ECHO) || (c == '\n' && (tty.t.c_lflag & ECHONL)))
        echo(c);
    put_byte(c, false);
    if (!(tty.t.c_lflag & ICANON) || c == '\n' || is_control(c, VEOL) || is_control(c, VEOL2))
        tty.line = tty.head;
}

static void input_thread(void *arg UNUSED)
{
    static u8 buf[256];

    for (;;) {
        ssize_t n;

        object_wait(&tty.source.obj, SIG_READABLE, DEADLINE_NEVER, 0);
        object_wait(&tty.room.obj, SIG_SIGNALED, DEADLINE_NEVER, 0);
        n = stdio_read_buf(0, buf, sizeof(buf));
        mutex_lock(&tty.lock);
        if (n <= 0 && n != -EAGAIN && n != -EINTR)
            tty.hung_up = true;
        for (ssize_t i = 0; i < n; i++)
            input_byte(buf[i]);
        if (used() > INPUT_MAX - sizeof(buf) && tty.line != tty.tail)
            event_clear(&tty.room);
        tell_readers();
        mutex_unlock(&tty.lock);
        if (tty.hung_up) {
            if (tty.session)
                signal_pgrp(tty.session, SIGHUP);
            return;
        }
    }
}

/* --- the file ------------------------------------------------------------------------------------- */

/* tcsetpgrp(3): processes in the background may not read (or, with TOSTOP, write). 0 or -errno. */
static int check_background(int signo)
{
    struct process *p = process_current();
    u32 group = process_group_id(p);

    if (!tty.pgrp || process_session_id(p) != tty.session || group == tty.pgrp)
        return 0;
    if (signal_is_shut(signo))
        return signo == SIGTTIN ? -EIO : 0;
    if (process_group_orphaned(group))
        return -EIO;
    signal_pgrp(group, signo);
    return -ERESTART;
}

/* Take what may be read: a line at most in canonical mode. tty.lock held. */
static ssize_t take(u8 *out, size_t n)
{
    size_t done = 0;

    while (done < n && tty.tail != tty.line) {
        u32 i = tty.tail % INPUT_MAX;
        bool mark = tty.mark[i / 8] >> (i % 8) & 1;

        tty.tail++;
        if (mark)
            break; /* ^D: the end of this read */
        out[done++] = tty.buf[i];
        if ((tty.t.c_lflag & ICANON) && out[done - 1] == '\n')
            break;
    }
    event_set(&tty.room);
    tell_readers();
    return (ssize_t)done;
}

static ssize_t tty_read(struct file *f, struct uio *u, u64 *pos UNUSED)
{
    u8 buf[256];
    ssize_t n;
    int r;

    if (!u->left)
        return 0;
    for (;;) {
        bool canonical, polled;

        r = check_background(SIGTTIN);
        if (r)
            return r;
        mutex_lock(&tty.lock);
        canonical = tty.t.c_lflag & ICANON;
        polled = !canonical && !tty.t.c_cc[VMIN];
        if (tty.line != tty.tail || tty.hung_up) {
            n = take(buf, MIN(u->left, sizeof(buf)));
            mutex_unlock(&tty.lock);
            break;
        }
        mutex_unlock(&tty.lock);
        if (polled) {
            u64 deadline = tty.t.c_cc[VTIME] ? time_mono() + tty.t.c_cc[VTIME] * (NSEC_PER_SEC / 10)
                                             : 0;

            r = object_wait(&tty.ready.obj, SIG_SIGNALED, deadline, WAIT_INTERRUPTIBLE);
            if (r == -ETIMEDOUT)
                return 0;
        } else if (f->flags & O_NONBLOCK) {
            return -EAGAIN;
        } else {
            r = object_wait(&tty.ready.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
        }
        if (r)
            return -ERESTART;
    }
    return uio_to(u, buf, (size_t)n) == (size_t)n ? n : -EFAULT;
}

static ssize_t tty_write(struct file *f UNUSED, struct uio *u, u64 *pos UNUSED)
{
    u8 in[OUT_PART / 8], out[OUT_PART];
    ssize_t done = 0, r = 0;

    if (tty.t.c_lflag & TOSTOP) {
        r = check_background(SIGTTOU);
        if (r)
            return r;
    }
    while (u->left) {
        size_t n = uio_from(u, in, MIN(u->left, sizeof(in)));
        u32 k = 0;

        if (!n) {
            r = -EFAULT;
            break;
        }
        mutex_lock(&tty.lock);
        for (size_t i = 0; i < n; i++)
            k += output_byte(in[i], out + k);
        mutex_unlock(&tty.lock);
        r = k ? stdio_write_buf(1, out, k) : 0;
        if (r < 0)
            break;
        done += (ssize_t)n;
    }
    return done ? done : r;
}

static void get_size(struct winsize_abi *w)
{
    u32 size = READ_ONCE(tty.size);

    *w = (struct winsize_abi){ .rows = (u16)size, .columns = (u16)(size >> 16) };
}

void tty_resized(u32 columns, u32 rows)
{
    u32 size = columns << 16 | (rows & 0xffff);

    if (__atomic_exchange_n(&tty.size, size, __ATOMIC_RELAXED) != size && tty.pgrp)
        signal_pgrp(tty.pgrp, SIGWINCH);
}

static s64 set_termios(u64 arg, bool flush)
{
    struct termios t;

    int r = check_background(SIGTTOU);

    if (r)
        return r;
    if (copy_from_user(&t, arg, sizeof(t)))
        return -EFAULT;
    mutex_lock(&tty.lock);
    /* What was edited or waits is readable from now on; leaving raw mode keeps it so. */
    if ((tty.t.c_lflag ^ t.c_lflag) & ICANON)
        tty.line = tty.head;
    tty.t = t;
    if (flush)
        tty.head = tty.line = tty.tail;
    tell_readers();
    mutex_unlock(&tty.lock);
    return 0;
}

static s64 set_pgrp(u64 arg)
{
    s32 pgrp;
    int r;

    if (process_session_id(process_current()) != tty.session)
        return -ENOTTY;
    r = check_background(SIGTTOU);
    if (r)
        return r;
    if (copy_from_user(&pgrp, arg, sizeof(pgrp)))
        return -EFAULT;
    if (pgrp < 0)
        return -EINVAL;
    if (!process_group_in_session((u32)pgrp, tty.session))
        return -EPERM;
    WRITE_ONCE(tty.pgrp, (u32)pgrp);
    return 0;
}

static s64 take_control(void)
{
    struct process *p = process_current();
    u32 sid = process_session_id(p);

    if (sid == tty.session)
        return 0;
    if (sid != p->pid || tty.session)
        return -EPERM;
    WRITE_ONCE(tty.session, sid);
    WRITE_ONCE(tty.pgrp, process_group_id(p));
    return 0;
}

static s64 put_u32(u64 arg, u32 v)
{
    return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static s64 tty_ioctl(struct file *f UNUSED, u32 cmd, u64 arg)
{
    struct winsize_abi w;
    struct termios t;

    switch (cmd) {
    case TCGETS:
        mutex_lock(&tty.lock);
        t = tty.t;
        mutex_unlock(&tty.lock);
        return copy_to_user(arg, &t, sizeof(t)) ? -EFAULT : 0;
    case TCSETS:
    case TCSETSW:
        return set_termios(arg, false);
    case TCSETSF:
        return set_termios(arg, true);
    case TIOCGWINSZ:
        get_size(&w);
        return copy_to_user(arg, &w, sizeof(w)) ? -EFAULT : 0;
    case TIOCSWINSZ:
        if (copy_from_user(&w, arg, sizeof(w)))
            return -EFAULT;
        tty_resized(w.columns, w.rows);
        return 0;
    case TIOCGPGRP:
        if (process_session_id(process_current()) != tty.session)
            return -ENOTTY;
        return put_u32(arg, tty.pgrp);
    case TIOCSPGRP:
        return set_pgrp(arg);
    case TIOCGSID:
        if (process_session_id(process_current()) != tty.session)
            return -ENOTTY;
        return put_u32(arg, tty.session);
    case TIOCSCTTY:
        return take_control();
    case TIOCNOTTY:
        if (process_session_id(process_current()) != tty.session)
            return -ENOTTY;
        if (process_current()->pid == tty.session)
            tty_session_ended(tty.session);
        return 0;
    case FIONREAD: {
        u32 n;

        mutex_lock(&tty.lock);
        n = tty.line - tty.tail;
        mutex_unlock(&tty.lock);
        return put_u32(arg, n);
    }
    case TIOCOUTQ:
        return put_u32(arg, 0);
    case TCFLSH:
        if (arg > 2)
            return -EINVAL;
        if (arg != 1) {
            mutex_lock(&tty.lock);
            tty.head = tty.line = tty.tail;
            tell_readers();
            mutex_unlock(&tty.lock);
        }
        return 0;
    case TCSBRK:
    case TCSBRKP:
        return 0; /* all output has left when write returns; a pseudo-terminal has no break */
    default:
        return -ENOTTY;
    }
}

static void tty_release(struct file *f)
{
    struct tty_file *tf = f->priv;

    if (!tf)
        return;
    mutex_lock(&tty.lock);
    list_del(&tf->node);
    mutex_unlock(&tty.lock);
    kfree(tf);
}

/* /dev/tty as opened by name: each open file gets its place in the list. */
static int attach(struct file *f)
{
    struct tty_file *tf = kmalloc(sizeof(*tf));

    if (!tf)
        return -ENOMEM;
    tf->file = f;
    f->priv = tf;
    mutex_lock(&tty.lock);
    list_add_tail(&tty.files, &tf->node);
    tell_readers();
    mutex_unlock(&tty.lock);
    object_signal(&f->obj, 0, SIG_WRITABLE);
    return 0;
}

static const struct file_ops tty_ops = {
    .read = tty_read, .write = tty_write, .ioctl = tty_ioctl, .release = tty_release,
};

int tty_attach(struct file *f)
{
    if (!tty.there)
        return -ENXIO;
    return attach(f);
}

const struct file_ops *tty_device_ops(bool console)
{
    if (!tty.there)
        return NULL;
    if (!console && process_session_id(process_current()) != tty.session)
        return NULL;
    return &tty_ops;
}

struct file *tty_open(void)
{
    struct file *f = file_create(&tty_ops, O_RDWR, SIG_WRITABLE, NULL);

    if (!f)
        return NULL;
    f->inode = stdio_inode(S_IFCHR_ | 0620, 0x8800); /* as a pseudo-terminal: 136, 0 */
    if (!f->inode || attach(f)) {
        object_unref(&f->obj);
        return NULL;
    }
    return f;
}

bool tty_is_console(void)
{
    return tty.there;
}

void tty_of_session(u32 sid, u32 *dev, s32 *pgrp)
{
    bool has = tty.there && sid && READ_ONCE(tty.session) == sid;

    *dev = has ? 5 << 8 | 1 : 0; /* /dev/console */
    *pgrp = has ? (s32)READ_ONCE(tty.pgrp) : -1;
}

void tty_session_ended(u32 sid)
{
    if (!tty.there || tty.session != sid)
        return;
    if (tty.pgrp)
        signal_pgrp(tty.pgrp, SIGHUP);
    WRITE_ONCE(tty.session, 0);
    WRITE_ONCE(tty.pgrp, 0);
}

static const u8 default_cc[] = {
    [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1,
    [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23,
    [VLNEXT] = 22,
};

void tty_boot(void)
{
    const struct boot_node *node = boot_node("process");
    struct thread *t;

    stdio_boot();
    if (!boot_flag(node, "terminal"))
        return;
    mutex_init(&tty.lock);
    list_init(&tty.files);
    event_init(&tty.ready);
    event_init(&tty.source);
    event_init(&tty.room);
    event_set(&tty.room);
    tty.t = (struct termios){
        .c_iflag = ICRNL | IXON | IUTF8, .c_oflag = OPOST | ONLCR,
        .c_cflag = B38400 | CS8 | CREAD,
        .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    };
    memcpy(tty.t.c_cc, default_cc, sizeof(default_cc));
    tty.size = boot_cell(node, "winsize", 0, 0) << 16 | (boot_cell(node, "winsize", 1, 0) & 0xffff);
    tty.session = tty.pgrp = 1; /* the first process leads the terminal's session */
    t = thread_create(NULL, "tty", input_thread, NULL);
    if (!t)
        panic("no memory for the terminal's thread");
    tty.there = true;
    stdio_watch(0, &tty.source.obj);
    thread_start(t);
    object_unref(&t->obj);
}
