/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping lock. Uncontended it is one atomic operation. Not recursive; no signals interrupt it. */
#ifndef CORE_MUTEX_H
#define CORE_MUTEX_H

#include "core/list.h"
#include "core/lock.h"

struct mutex {
    u32 state; /* 0 free, 1 held, 2 held and perhaps waited for */
    struct spinlock lock;
    struct list waiters;
};

void mutex_init(struct mutex *m);
void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);

static inline void mutex_lock(struct mutex *m)
{
    u32 free = 0;

    if (unlikely(!__atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE,
                                              __ATOMIC_RELAXED)))
        mutex_lock_slow(m);
}

static inline bool mutex_trylock(struct mutex *m)
{
    u32 free = 0;

    return __atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void mutex_unlock(struct mutex *m)
{
    if (unlikely(__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2))
        mutex_unlock_slow(m);
}

static inline bool mutex_held(const struct mutex *m)
{
    return READ_ONCE(m->state) != 0;
}

#endif
