/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler: a run queue and a timer tree for each vCPU. Threads park and unpark by core/park.h. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "object/thread.h"

void sched_init(u32 ncpus);
/* Become this vCPU's idle thread: run what is runnable, halt when nothing is. Never returns. */
void sched_idle_loop(void) NORETURN;
/* Before the return to ring 3 with WORK_RESCHED: let the next thread run. */
void sched_resched(void);
/* A timer that fires a function on the vCPU (ITIMER_REAL, timerfd): see sched/timer.h */
u32 sched_ncpus(void);
/* CPU time of a thread, in ns. */
u64 sched_thread_time(struct thread *t);

#endif
