/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to wait: on signals of objects, with a deadline. poll, select, wait4, futex, blocking
 * reads and sleeps are all this.
 */
#ifndef OBJECT_WAIT_H
#define OBJECT_WAIT_H

#include "core/park.h"
#include "object/object.h"

struct wait_item {
    struct object *obj; /* the caller holds a reference; NULL: never signals */
    u32 mask;
    u32 observed;       /* out: signals of mask that were set */
    struct observer ob; /* private to object_wait_many */
    struct thread *waiter;
};

#define WAIT_INTERRUPTIBLE 1u /* a signal for the thread (thread_interrupt) ends the wait: -EINTR */
#define WAIT_KILLABLE      2u /* only the end of the process does */

/*
 * Wait until at least one item has a signal of its mask set, the deadline (ns, time_mono) passes or
 * the wait is interrupted. n may be 0 (a sleep). Returns the number of items with observed != 0 (>= 1),
 * -ETIMEDOUT or -EINTR; observed is filled in each case. Deadline 0: only look.
 */
int object_wait_many(struct wait_item *items, unsigned n, u64 deadline, unsigned flags);

/* One object: 0, -ETIMEDOUT or -EINTR. */
int object_wait(struct object *o, u32 mask, u64 deadline, unsigned flags);

/* --- event: an object that is only its signal ----------------------------------------------------- */

struct event {
    struct object obj;
};

/* An event on the stack or in another struct: no reference counting, SIG_SIGNALED when set. */
void event_init(struct event *e);
static inline void event_set(struct event *e) { object_signal(&e->obj, 0, SIG_SIGNALED); }
static inline void event_clear(struct event *e) { object_signal(&e->obj, SIG_SIGNALED, 0); }

#endif
