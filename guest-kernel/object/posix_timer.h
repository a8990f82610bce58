/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of a process that send signals: timer_create(2). As on Linux a periodic timer whose signal is
 * pending does not run on: it is armed anew when the signal is taken, and what it missed is its overrun
 * count.
 */
#ifndef OBJECT_POSIX_TIMER_H
#define OBJECT_POSIX_TIMER_H

#include "core/timer.h"
#include "object/cputime.h"
#include "object/signal.h"

/* What to do when it expires. Filled in by the caller of posix_timer_create. */
struct posix_timer_setup {
    bool on_cpu;                 /* deadlines are CPU time; else the monotonic clock */
    int clock;                   /* the clock's number as linux/ knows it */
    struct thread *clock_thread; /* whose CPU time, NULL: the process's */
    struct thread *to;           /* thread to be signalled, NULL: the process */
    int signo;                   /* 0: none */
    u64 value;                   /* for the handler ... */
    bool value_is_id;            /* ... or the timer's number */
};

/*
 * A timer of the current process: its number, or -ENOMEM, -EAGAIN (RLIMIT_SIGPENDING). The threads'
 * references are the caller's.
 */
s64 posix_timer_create(const struct posix_timer_setup *setup);
/* The clock it was made with. -EINVAL: there is none of that number. */
int posix_timer_clock(int id, int *clock, bool *on_cpu);

struct posix_timer_state {
    u64 left, interval; /* ns; left 0: it is off */
};
/*
 * Arm for `value`, on the monotonic clock or, of CPU time, from now on unless absolute; 0: off. late: so
 * many ns before `value` it was to expire already, which is before the monotonic clock began and counts
 * as overruns. *old: as before. -EINVAL.
 */
int posix_timer_set(int id, u64 value, bool absolute, u64 interval, u64 late,
                    struct posix_timer_state *old);
int posix_timer_get(int id, struct posix_timer_state *now);
/* What the last signal taken told, at most INT_MAX; -EINVAL. */
s64 posix_timer_overrun(int id);
int posix_timer_delete(int id);
/* All of the process, at its end and by execve(2). Called by its only thread, without locks. */
void posix_timers_end(struct process *p);

#endif
