/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal is asked: ioctl_tty(2). */
#include "core/string.h"
#include "fs/cred.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "tty/tty.h"
#include "tty/tty_impl.h"

#include <asm/ioctls.h>

/* --- termios -------------------------------------------------------------------------------------- */

/* By the bits of CBAUD; with CBAUDEX from 1 on. */
static const u32 speeds[] = { 0,   50,  75,   110,  134,  150,  200,  300,
                              600, 1200, 1800, 2400, 4800, 9600, 19200, 38400 };
static const u32 fast[] = { 0,       57600,   115200,  230400,  460800,  500000,  576000,  921600,
                            1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

/* The speed that flags stand for; with BOTHER, the one that is given. */
static u32 speed_of(u32 flags, u32 other)
{
    u32 bits = flags & CBAUD;

    if (bits == BOTHER)
        return other;
    return bits & CBAUDEX ? fast[bits & 15] : speeds[bits & 15];
}

static s64 get_termios(struct tty *t, u64 arg, bool second)
{
    struct termios2 now;

    mutex_lock(&t->lock);
    now = t->t;
    mutex_unlock(&t->lock);
    return copy_to_user(arg, &now, second ? sizeof(now) : sizeof(struct termios)) ? -EFAULT : 0;
}

/* Whether it stops and starts by ^S and ^Q. */
static bool has_usual_flow(const struct termios2 *t)
{
    return (t->c_iflag & IXON) && t->c_cc[VSTOP] == 19 && t->c_cc[VSTART] == 17;
}

/* What the master of a terminal in packet mode hears of new modes: ioctl_tty(2). */
static void tell_of_modes(struct tty *t, const struct termios2 *old)
{
    bool flow = has_usual_flow(&t->t);

    if (flow != has_usual_flow(old))
        tty_packet_news(t, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP, flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
    if ((old->c_lflag | t->t.c_lflag) & EXTPROC)
        tty_packet_news(t, 0, TIOCPKT_IOCTL);
}

static s64 set_termios(struct tty *t, u64 arg, bool second, bool flush)
{
    struct termios2 new = { 0 }, old;
    u32 in;
    int r = tty_check_background(t, SIGTTOU);

    if (r)
        return r;
    if (copy_from_user(&new, arg, second ? sizeof(new) : sizeof(struct termios)))
        return -EFAULT;
    in = new.c_cflag >> IBSHIFT & CBAUD;
    new.c_ospeed = speed_of(new.c_cflag, second ? new.c_ospeed : t->t.c_ospeed);
    new.c_ispeed = in ? speed_of(in, second ? new.c_ispeed : t->t.c_ispeed) : new.c_ospeed;
    mutex_lock(&t->lock);
    /* What was edited or waits is readable from now on; leaving raw mode keeps it so. */
    if ((t->t.c_lflag ^ new.c_lflag) & ICANON) {
        t->line = t->head;
        memset(t->mark, 0, sizeof(t->mark));
    }
    old = t->t;
    t->t = new;
    tell_of_modes(t, &old);
    if (!(new.c_iflag & IXON))
        tty_set_stopped(t, false);
    if (flush)
        ldisc_flush_input(t);
    tty_tell(t);
    mutex_unlock(&t->lock);
    return 0;
}

/* --- size and job control ------------------------------------------------------------------------- */

void tty_set_size(struct tty *t, u64 size)
{
    if (__atomic_exchange_n(&t->size, size, __ATOMIC_RELAXED) != size)
        tty_signal_foreground(t, SIGWINCH);
}

static s64 get_size(struct tty *t, u64 arg)
{
    u64 size = READ_ONCE(t->size);

    return copy_to_user(arg, &size, sizeof(size)) ? -EFAULT : 0;
}

static s64 set_size(struct tty *t, u64 arg)
{
    u64 size;

    if (copy_from_user(&size, arg, sizeof(size)))
        return -EFAULT;
    tty_set_size(t, size);
    return 0;
}

static bool controls_caller(const struct tty *t)
{
    return tty_controls(t, process_current());
}

static int any_member(struct process *p UNUSED, void *arg UNUSED)
{
    return 1;
}

static s64 set_pgrp(struct tty *t, u64 arg)
{
    s32 pgrp;
    int r = tty_check_background(t, SIGTTOU);

    if (r)
        return r == -EIO ? -ENOTTY : r;
    if (!controls_caller(t))
        return -ENOTTY;
    if (copy_from_user(&pgrp, arg, sizeof(pgrp)))
        return -EFAULT;
    if (pgrp < 0)
        return -EINVAL;
    if (!process_group_in_session((u32)pgrp, t->session))
        return process_for_group((u32)pgrp, any_member, NULL) ? -EPERM : -ESRCH;
    WRITE_ONCE(t->pgrp, (u32)pgrp);
    return 0;
}

static s64 put_u32(u64 arg, u32 v)
{
    return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static s64 give_up_control(struct tty *t)
{
    if (!controls_caller(t))
        return -ENOTTY;
    tty_give_up(t);
    return 0;
}

/* --- flow ----------------------------------------------------------------------------------------- */

static s64 flush(struct tty *t, u64 which)
{
    int r = tty_check_background(t, SIGTTOU);

    if (r)
        return r;
    if (which > TCIOFLUSH)
        return -EINVAL;
    mutex_lock(&t->lock);
    if (which != TCOFLUSH)
        ldisc_flush_input(t);
    if (which != TCIFLUSH && t->driver->flush)
        t->driver->flush(t);
    tty_tell(t);
    mutex_unlock(&t->lock);
    return 0;
}

static s64 flow(struct tty *t, u64 what)
{
    u8 c = t->t.c_cc[what == TCIOFF ? VSTOP : VSTART];
    int r = tty_check_background(t, SIGTTOU);

    if (r)
        return r;
    if (what > TCION)
        return -EINVAL;
    mutex_lock(&t->lock);
    if (what == TCOOFF || what == TCOON)
        tty_set_stopped(t, what == TCOOFF);
    else if (c)
        t->driver->put(t, &c, 1);
    tty_tell(t);
    mutex_unlock(&t->lock);
    return 0;
}

static s64 input_count(struct tty *t, u64 arg)
{
    u32 n;

    mutex_lock(&t->lock);
    n = t->line - t->tail;
    mutex_unlock(&t->lock);
    return put_u32(arg, n);
}

s64 tty_common_ioctl(struct tty *t, u32 cmd, u64 arg)
{
    if (READ_ONCE(t->hung_up))
        return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
    switch (cmd) {
    case TCGETS: return get_termios(t, arg, false);
    case TCGETS2: return get_termios(t, arg, true);
    case TCSETS: /* output is with the other side when write returns: there is nothing to wait for */
    case TCSETSW: return set_termios(t, arg, false, false);
    case TCSETSF: return set_termios(t, arg, false, true);
    case TCSETS2:
    case TCSETSW2: return set_termios(t, arg, true, false);
    case TCSETSF2: return set_termios(t, arg, true, true);
    case TIOCGWINSZ: return get_size(t, arg);
    case TIOCSWINSZ: return set_size(t, arg);
    case TIOCGPGRP: return controls_caller(t) ? put_u32(arg, t->pgrp) : -ENOTTY;
    case TIOCSPGRP: return set_pgrp(t, arg);
    case TIOCGSID: return controls_caller(t) ? put_u32(arg, t->session) : -ENOTTY;
    case TIOCSCTTY:
        return tty_take_session(t, arg == 1 && cred_has(process_current()->cred, CAP_SYS_ADMIN_));
    case TIOCNOTTY: return give_up_control(t);
    case TIOCGETD: return put_u32(arg, 0); /* N_TTY */
    case FIONREAD: return input_count(t, arg);
    case TIOCOUTQ: return put_u32(arg, 0);
    case TCFLSH: return flush(t, arg);
    case TCXONC: return flow(t, arg);
    case TCSBRK: /* a pseudo-terminal has no break */
    case TCSBRKP: return tty_check_background(t, SIGTTOU);
    default: return -ENOTTY;
    }
}
