/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines on CPU clocks: of RLIMIT_CPU, setitimer(2) with ITIMER_VIRTUAL and ITIMER_PROF,
 * timer_create(2) and sleeps on such clocks.
 *
 * Nothing ticks for them. Where a thread begins to run, the earliest of its process's deadlines is
 * turned into one on the monotonic clock, which the VMM looks at while the vCPU runs (core/timer.h).
 * Several threads of a process may run at a time, so this is only when to look again. A process without
 * deadlines pays for one look at cpu_watched at each switch of threads.
 */
#ifndef OBJECT_CPUTIME_H
#define OBJECT_CPUTIME_H

#include "core/list.h"

struct process;
struct thread;

/* All with process.lock held. */
struct cpu_timer {
    struct list node;      /* in process.cpu_timers while armed */
    struct thread *thread; /* (i) whose clock, a reference of the owner's; NULL: the process's */
    bool user;             /* (i) the process's user time only */
    u64 deadline;          /* ns of CPU time; valid while armed */
    /* The deadline has passed; process.lock is held. True: again at the new deadline. */
    bool (*fire)(struct cpu_timer *t, struct process *p);
};

/* setitimer(2): ITIMER_VIRTUAL or ITIMER_PROF. */
struct cpu_itimer {
    struct cpu_timer timer;
    u64 interval; /* ns; 0: once */
    int signo;
};

void cpu_timer_init(struct cpu_timer *t, struct thread *thread,
                    bool (*fire)(struct cpu_timer *t, struct process *p));

/* --- with process.lock held ------------------------------------------------------------------- */

/* CPU time of all threads of p, dead and alive, in ns. */
u64 cputime_of(struct process *p);
/* Arm, or move an armed one; disarm. */
void cpu_timer_arm(struct process *p, struct cpu_timer *t, u64 deadline);
void cpu_timer_disarm(struct cpu_timer *t);
/* RLIMIT_CPU was set. */
void cputime_limit_changed(struct process *p);

void cpu_itimer_init(struct cpu_itimer *t, int signo);
/* Time left until it fires (0: it is off) and its interval. */
void cpu_itimer_get(struct process *p, const struct cpu_itimer *t, u64 *left, u64 *interval);
void cpu_itimer_set(struct process *p, struct cpu_itimer *t, u64 ns, u64 interval);

/* --- without ---------------------------------------------------------------------------------- */

u64 process_cputime(struct process *p);

/* Fire what is due of the current process, and arrange for the next look. Must not park. */
void cputime_look(void);

#endif
