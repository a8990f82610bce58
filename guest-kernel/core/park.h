/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping and continuing a thread: the primitive under mutexes and object waits (nothing else parks).
 * Implemented by sched/.
 *
 * Each thread has one permit. unpark gives it, park takes it and returns at once if it was there, so a
 * wake between a caller's last look and its park is not lost. Callers look again after every return.
 */
#ifndef CORE_PARK_H
#define CORE_PARK_H

#include "core/types.h"

struct thread;

#define DEADLINE_NEVER UINT64_MAX

/* Returns 0 with the permit taken, or -ETIMEDOUT once the clock (ns, time.h) reaches the deadline. */
int thread_park(u64 deadline);

/* Give the permit; a parked thread becomes runnable. Any context; takes a run queue's lock. */
void thread_unpark(struct thread *t);

/*
 * The same for a waker that is about to park itself (pipe, futex): the thread stays on this vCPU, and
 * no idle vCPU is kicked for it.
 */
void thread_unpark_sync(struct thread *t);

/* Let others run; the caller stays runnable. No lock held. */
void thread_yield(void);

/*
 * For loops whose length a program chooses: look at what the VMM has told this vCPU, and let others run
 * if the slice is over. Mutexes may be held, spinlocks not; once in some hundred short rounds.
 */
void thread_breathe(void);

#endif
