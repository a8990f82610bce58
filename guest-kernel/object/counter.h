/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters behind eventfd and timerfd. Each shows its state as SIG_READABLE and SIG_WRITABLE of an
 * object (the open file it belongs to), which outlives it.
 */
#ifndef OBJECT_COUNTER_H
#define OBJECT_COUNTER_H

#include "object/object.h"
#include "core/timer.h"

struct counter {
    struct spinlock lock;
    struct object *shown_on;
    u64 value;
    bool semaphore; /* take one at a time */
};

void counter_init(struct counter *c, struct object *shown_on, u64 value, bool semaphore);
/* Take the value (or 1): 0 with *value, or -EAGAIN: it is 0. */
int counter_take(struct counter *c, u64 *value);
/* Add; -EAGAIN if it would exceed 2^64 - 2: wait for SIG_WRITABLE. */
int counter_add(struct counter *c, u64 value);

/* Counts expirations of a deadline on the monotonic clock, once or periodically. */
struct timer_counter {
    struct counter count; /* its lock guards the rest */
    struct timer timer;
    u64 deadline;         /* 0: off */
    u64 interval;         /* 0: once */
};

void timer_counter_init(struct timer_counter *t, struct object *shown_on);
/*
 * Set (deadline 0: off), with so many expirations that it had already; the remaining ns and the interval
 * it had come back.
 */
void timer_counter_set(struct timer_counter *t, u64 deadline, u64 interval, u64 had, u64 *left,
                       u64 *old_interval);
void timer_counter_get(struct timer_counter *t, u64 *left, u64 *interval);
/* Before its memory is freed. */
void timer_counter_end(struct timer_counter *t);

#endif
