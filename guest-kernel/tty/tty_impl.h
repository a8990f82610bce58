/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside tty/: a terminal. Programs have one side of it, with termios(3) and job control; on the other
 * is the outer terminal (console.c) or a pseudo-terminal's master (pty.c).
 *
 * Lock legend: (i) set at creation  (a) atomic  (l) tty->lock  (r) the registry's lock, in tty.c, which
 * is taken before any tty->lock
 */
#ifndef TTY_TTY_IMPL_H
#define TTY_TTY_IMPL_H

#include "core/list.h"
#include "core/mutex.h"
#include "fs/file.h"
#include "object/wait.h"

#include <asm/termbits.h>

#define TTY_MAX   4096u   /* as Linux's kernel.pty.max */
#define TTY_INPUT 4096u   /* N_TTY_BUF_SIZE: bytes that wait to be read */
#define TTY_INPUT_PART 256u /* room that is left before more input is taken */
#define TTY_OUT_PART 512u /* bytes that leave at once */
#define TTY_EXPANDS 8u    /* bytes that one may become on its way out */

struct tty;

/* The other side. */
struct tty_driver {
    /* Bytes that put takes now; locked. */
    u32 (*room)(const struct tty *t);
    /* Take bytes on their way out, locked; what does not fit is lost (echo). */
    void (*put)(struct tty *t, const u8 *s, u32 n);
    /* The same for write(2), not locked: it may wait. Bytes or -errno. NULL: put does it. */
    ssize_t (*send)(struct tty *t, const u8 *s, u32 n);
    /* Forget what was sent and the other side has not taken yet; locked. May be NULL. */
    void (*flush)(struct tty *t);
    /* Show the other side what it can do now; locked. May be NULL. */
    void (*tell)(struct tty *t);
    /* Nobody knows it any more: free it. NULL: it stays. */
    void (*destroy)(struct tty *t);
};

struct tty {
    u32 refs;                        /* (a) open files, the session that it controls, the other side */
    const struct tty_driver *driver; /* (i) */
    u32 index;                       /* (i) from tty_register on; its name: /dev/pts/INDEX */
    struct list node;                /* (r) */
    struct mutex lock;
    struct termios2 t;               /* (l) */
    u8 buf[TTY_INPUT];               /* (l) ring of input to read, and the line being edited behind it */
    u32 head, tail;                  /* (l) tail ... head: input */
    u32 line;                        /* (l) tail ... line: whole lines, or all input without ICANON */
    u8 mark[TTY_INPUT / 8];          /* (l) a bit for each byte of the ring: it ends a line; 0: by ^D */
    u32 column, line_column;         /* (l) of the cursor, and where the edited line began: for tabs */
    bool literal;                    /* (l) ^V came: the next byte is only a byte */
    bool stopped;                    /* (l) ^S came: no output */
    bool ended;                      /* (l) no more input will come */
    bool hung_up;                    /* (l) the other side is gone: ended, and no output either */
    bool was_open;                   /* (l) some file has been open */
    bool locked;                     /* (l) a pseudo-terminal that cannot be opened yet: unlockpt(3) */
    u32 session, pgrp;               /* (r), read without the lock; 0: none */
    u64 grant;                       /* (r) number of this taking by a session: tty_controls */
    bool packet;                     /* (l) ioctl_tty(2), TIOCPKT: the master asks for TIOCPKT_* ... */
    u8 news;                         /* (l) ... which are these */
    struct event ready;              /* input to read, for those who wait */
    struct event drained;            /* room for output, for those who wait */
    struct event room;               /* the input has room again */
    u64 size;                        /* (a) struct winsize: rows, columns, 2 x pixels, of 16 bits */
    struct list files;               /* (l) struct tty_file.node */
};

/* Zeroed before; one reference. */
void tty_init(struct tty *t, const struct tty_driver *driver);
void tty_ref(struct tty *t);
void tty_unref(struct tty *t);
/* Make it known by the least number that is free. 0 or -ENOSPC. */
int tty_register(struct tty *t);
/* The other side is gone: hang up, and forget its name. Drops no reference. */
void tty_hangup(struct tty *t);

/* The line discipline (ldisc.c). All locked. */
void ldisc_input(struct tty *t, const u8 *s, size_t n);
bool ldisc_input_full(const struct tty *t); /* more would be lost; t->room says when not */
/* Take what may be read now, a line at most in canonical mode; *end: no more in this read. */
size_t ldisc_take(struct tty *t, u8 *out, size_t n, bool *end);
/* Output: how many of the n bytes were used; *out_len bytes of out are to be sent. */
u32 ldisc_output(struct tty *t, const u8 *in, u32 n, u8 *out, u32 room, u32 *out_len);
void ldisc_flush_input(struct tty *t);
/* Copy into and out of a ring of a power of two of bytes; `at` counts on and on. */
void ring_put(u8 *ring, u32 size, u32 at, const u8 *s, u32 n);
void ring_get(const u8 *ring, u32 size, u32 at, u8 *s, u32 n);
/* Tell those who wait what they can do now. */
void tty_tell(struct tty *t);

/* The ioctls of both sides that ask for the terminal itself; -ENOTTY: not one of them. */
s64 tty_common_ioctl(struct tty *t, u32 cmd, u64 arg);
/* tcsetpgrp(3): what a process in the background may not do; 0 or -errno. */
int tty_check_background(const struct tty *t, int signo);
/*
 * TIOCSCTTY: become the terminal of the caller's session, whose leader it has to be; steal: from another
 * one. 0 or -EPERM. Of the session's processes it controls those that descend from the leader from then on,
 * less who gives it up.
 */
int tty_take_session(struct tty *t, bool steal);
bool tty_controls(const struct tty *t, struct process *p);
/* TIOCNOTTY: the caller, which it controls, has no terminal any more; of a leader, nobody of its session. */
void tty_give_up(struct tty *t);
/* In packet mode: what the master is to hear of; locked. */
void tty_packet_news(struct tty *t, u8 clear, u8 set);
/* ^S and ^Q and what means the same; locked. */
void tty_set_stopped(struct tty *t, bool stopped);
/* A signal for the group in the foreground. */
void tty_signal_foreground(struct tty *t, int signo);
/* Must not park. */
void tty_set_size(struct tty *t, u64 size);

void console_boot(void);
/* /dev/ptmx is being opened: make a pseudo-terminal, whose master f becomes. */
int pty_open_master(struct file *f);

#endif
