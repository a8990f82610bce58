/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ITIMER_REAL of setitimer(2), which alarm(2) sets too. As on Linux a periodic one stands still from its
 * expiry until SIGALRM is taken, and goes on in its old rhythm then: a program that does not take the
 * signal costs nothing, and one that ignores it has stopped the timer.
 */
#ifndef OBJECT_ALARM_H
#define OBJECT_ALARM_H

#include "core/timer.h"

struct process;

struct alarm {
    struct timer timer;
    u64 deadline; /* (p) ns of the monotonic clock; 0: off */
    u64 interval; /* (p) ns; 0: once */
    bool waits;   /* (p) expired, and goes on when SIGALRM is taken */
};

void alarm_init(struct alarm *a);
/* Before the process's last reference goes; no lock held. Nothing is sent afterwards. */
void alarm_end(struct process *p);

/* --- with process.lock held ------------------------------------------------------------------- */

/* The time left in ns, 0: off or expired; and the interval. */
void alarm_get(const struct process *p, u64 *left, u64 *interval);
/* ns from now, 0: off; both at most INT64_MAX. */
void alarm_set(struct process *p, u64 ns, u64 interval);
/* A SIGALRM was taken off the process's queue. */
void alarm_taken(struct process *p);

#endif
