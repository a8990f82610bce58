/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel timers: fire(timer) runs once the monotonic clock has reached the deadline, on the vCPU that
 * armed it, with no lock held, in no particular thread; it must not park. It may arm the timer again.
 *
 * Arming makes no exit: the earliest deadline is a word in the vCPU's shared page, which the VMM looks
 * at while the vCPU runs and sleeps until when it is idle.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "core/tree.h"

struct timer {
    struct tree_node node; /* private; key = deadline in ns */
    u32 cpu;               /* private: in whose tree */
    bool armed;            /* private */
    void (*fire)(struct timer *t);
};

void timer_init(struct timer *t, void (*fire)(struct timer *));
/* Arm, or move an armed one. Arming one timer from two vCPUs at a time is the caller's to prevent. */
void timer_arm(struct timer *t, u64 deadline);
/* Disarm. True: it was armed and will not fire; false: a fire may be in progress on another vCPU. */
bool timer_disarm(struct timer *t);
/* The same, and wait until a fire in progress is over: not with a lock that fire takes. */
bool timer_cancel(struct timer *t);

/* Fire what is due on this vCPU; for sched/. */
void timers_run(void);
/* Whether something is due on this vCPU. */
bool timers_due(void);

#endif
