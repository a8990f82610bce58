/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping locks: see mutex.h. Waiters queue in order; an unlock wakes the first, who tries again. */
#include "core/mutex.h"

#include "arch/context.h"
#include "core/park.h"

struct waiter {
    struct list node;
    struct thread *thread;
};

void mutex_init(struct mutex *m)
{
    m->state = 0;
    spin_init(&m->lock, RANK_SLEEP);
    list_init(&m->waiters);
}

void mutex_lock_slow(struct mutex *m)
{
    struct waiter w = { .thread = arch_current() };

    for (;;) {
        spin_lock(&m->lock);
        /* State 2 before we look: the holder's unlock then comes to the queue. */
        if (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) == 0) {
            spin_unlock(&m->lock);
            return;
        }
        list_add_tail(&m->waiters, &w.node);
        spin_unlock(&m->lock);
        /* Still queued after a stray permit: the unlock has not come to us yet. */
        for (;;) {
            thread_park(DEADLINE_NEVER);
            spin_lock(&m->lock);
            if (list_empty(&w.node))
                break;
            spin_unlock(&m->lock);
        }
        spin_unlock(&m->lock);
    }
}

void mutex_unlock_slow(struct mutex *m)
{
    struct waiter *w = NULL;
    struct thread *t = NULL;

    spin_lock(&m->lock);
    if (!list_empty(&m->waiters)) {
        w = list_first(&m->waiters, struct waiter, node);
        list_del(&w->node);
        t = w->thread;
        /* Under the lock: the waiter's frame and thread stay until it has taken the lock once. */
        thread_unpark_sync(t);
    }
    spin_unlock(&m->lock);
}
