/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: see counter.h. */
#include "object/counter.h"

#include "core/time.h"

#define COUNTER_MAX (UINT64_MAX - 1)

void counter_init(struct counter *c, struct object *shown_on, u64 value, bool semaphore)
{
    spin_init(&c->lock, RANK_FILE);
    c->shown_on = shown_on;
    c->value = value;
    c->semaphore = semaphore;
    object_signal(shown_on, 0,
                  (value ? SIG_READABLE : 0) | (value < COUNTER_MAX ? SIG_WRITABLE : 0));
}

int counter_take(struct counter *c, u64 *value)
{
    int r = -EAGAIN;

    spin_lock(&c->lock);
    if (c->value) {
        *value = c->semaphore ? 1 : c->value;
        c->value -= *value;
        object_signal(c->shown_on, c->value ? 0 : SIG_READABLE, SIG_WRITABLE);
        r = 0;
    }
    spin_unlock(&c->lock);
    return r;
}

int counter_add(struct counter *c, u64 value)
{
    int r = -EAGAIN;

    spin_lock(&c->lock);
    if (value <= COUNTER_MAX - c->value) {
        c->value += value;
        if (c->value == COUNTER_MAX)
            object_signal(c->shown_on, SIG_WRITABLE, 0);
        /* An edge at each write, for edge-triggered epoll. */
        if (c->value)
            object_pulse(c->shown_on, SIG_READABLE);
        r = 0;
    } else {
        object_signal(c->shown_on, SIG_WRITABLE, 0); /* until the next take */
    }
    spin_unlock(&c->lock);
    return r;
}

/* --- timers ----------------------------------------------------------------------------------- */

static void fire(struct timer *timer)
{
    struct timer_counter *t = container_of(timer, struct timer_counter, timer);
    u64 now = time_mono(), n = 0;

    spin_lock(&t->count.lock);
    if (t->deadline && t->deadline <= now) {
        n = 1;
        if (t->interval) {
            n += (now - t->deadline) / t->interval;
            t->deadline += n * t->interval;
        } else {
            t->deadline = 0;
        }
    }
    if (t->deadline)
        timer_arm(&t->timer, t->deadline);
    if (n) {
        t->count.value += n;
        object_pulse(t->count.shown_on, SIG_READABLE);
    }
    spin_unlock(&t->count.lock);
}

void timer_counter_init(struct timer_counter *t, struct object *shown_on)
{
    counter_init(&t->count, shown_on, 0, false);
    object_signal(shown_on, SIG_WRITABLE, 0);
    timer_init(&t->timer, fire);
    t->deadline = t->interval = 0;
}

static void remaining(const struct timer_counter *t, u64 *left, u64 *interval)
{
    u64 now = time_mono();

    *left = !t->deadline ? 0 : t->deadline > now ? t->deadline - now : 1;
    *interval = t->interval;
}

void timer_counter_set(struct timer_counter *t, u64 deadline, u64 interval, u64 had, u64 *left,
                       u64 *old_interval)
{
    spin_lock(&t->count.lock);
    remaining(t, left, old_interval);
    t->deadline = deadline;
    t->interval = interval;
    t->count.value = had;
    object_signal(t->count.shown_on, had ? 0 : SIG_READABLE, had ? SIG_READABLE : 0);
    if (deadline)
        timer_arm(&t->timer, deadline);
    spin_unlock(&t->count.lock);
    if (!deadline)
        timer_cancel(&t->timer);
}

void timer_counter_get(struct timer_counter *t, u64 *left, u64 *interval)
{
    spin_lock(&t->count.lock);
    remaining(t, left, interval);
    spin_unlock(&t->count.lock);
}

void timer_counter_end(struct timer_counter *t)
{
    spin_lock(&t->count.lock);
    t->deadline = 0;
    spin_unlock(&t->count.lock);
    timer_cancel(&t->timer);
}
