/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by pipe.c and splice.c. */
#ifndef FS_PIPE_IMPL_H
#define FS_PIPE_IMPL_H

#include "fs/inode.h"
#include "object/wait.h"

#define PIPE_BUF_  4096u /* writes up to this are atomic */
#define PAGES_MAX  256u  /* /proc/sys/fs/pipe-max-size */

/*
 * A splice reads or writes for a while without the lock: to others the pipe is empty, or full, meanwhile.
 * What it reads stays where it is until it is skipped, and the room that it saw stays.
 */
#define PIPE_CLAIM_READ  1u
#define PIPE_CLAIM_WRITE 2u

struct pipe {
    u32 refs;           /* atomic: ends, and the FIFO's inode while it is open */
    struct mutex lock;  /* all below */
    struct list ends;   /* struct pipe_end.node */
    u32 readers, writers;
    u32 opened_r, opened_w; /* count opens, for FIFOs that wait for the other side */
    struct event opened;    /* somebody opened or closed a FIFO's end */
    u64 head, tail;     /* bytes ever written and read */
    u64 told;           /* head when the ends' signals were last brought up to date */
    u32 npages;
    u32 claimed;        /* PIPE_CLAIM_* */
    u8 *page[PAGES_MAX];
};

struct pipe_end {
    struct list node;
    struct file *file;
    struct pipe *pipe;
    bool reads, writes;
    u32 unwritten; /* opened_w when it was opened and no writer was there: the end is still to come */
};

/* NULL: not a pipe. */
struct pipe *pipe_of(struct file *f);
/* Wait for a signal on one's own end: 0 or -ERESTART. The lock is not held. */
int pipe_wait(struct file *f, u32 mask);

/* --- with the lock held --------------------------------------------------------------------------- */

static inline u64 pipe_room(const struct pipe *p)
{
    return (u64)p->npages * PAGE_SIZE - (p->head - p->tail);
}
/* Bring the signals of all ends up to date. */
void pipe_update(struct pipe *p);
/* Copy out what is there, or in n bytes, which fit. Bytes, or -EFAULT, -ENOMEM. */
ssize_t pipe_take(struct pipe *p, struct uio *u);
ssize_t pipe_put(struct pipe *p, struct uio *u, u64 n);
/* The next n bytes, which are there, are done with. */
void pipe_skip(struct pipe *p, u64 n);

#endif
