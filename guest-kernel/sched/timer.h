/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel timers: fire(timer) runs once the monotonic clock has reached the deadline, on some vCPU,
 * with no lock held, in no particular thread; it must not park. It may arm the timer again.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include "core/tree.h"

struct timer {
    struct tree_node node; /* private; key = deadline in ns */
    u32 cpu;               /* private */
    u32 state;             /* private */
    void (*fire)(struct timer *t);
};

void timer_init(struct timer *t, void (*fire)(struct timer *));
/* Arm, or move an armed one. */
void timer_arm(struct timer *t, u64 deadline);
/* Disarm. True: it was armed and will not fire. Waits until a fire in progress on another vCPU is over. */
bool timer_cancel(struct timer *t);

#endif
