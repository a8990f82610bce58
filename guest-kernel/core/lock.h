/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spinlocks. The kernel runs with interrupts off, so a holder is never interrupted, but the host may
 * deschedule its vCPU: after a bounded spin the waiter yields to the host. Whoever spins serves TLB
 * flush requests meanwhile; a thread must not park, wait for a flush or touch user memory while it
 * holds a spinlock. Locks are taken in the order of their rank, lowest first (checked by DEBUG builds):
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core/types.h"

enum lock_rank {
    RANK_PROCESS = 10, /* process tree, signal state */
    RANK_FS = 20,      /* dentry and inode tables */
    RANK_HANDLES = 30, /* a handle table */
    RANK_FILE = 40,    /* state of one file-like object: pipe, tty */
    RANK_FUTEX = 45,   /* a futex bucket */
    RANK_OBJECT = 50,  /* an object's signals and observers */
    RANK_PORT = 55,    /* a port's ready list */
    RANK_PAGETABLE = 60,
    RANK_SLEEP = 70,   /* the queue of a mutex */
    RANK_TIMER = 75,
    RANK_RUNQUEUE = 80,
    RANK_SLAB = 90,
    RANK_FRAME = 95,
    RANK_LEAF = 100    /* nothing is taken below it */
};

struct spinlock {
    u32 locked;
#ifdef RV_DEBUG
    u16 rank;
    u16 cpu;
#endif
};

#ifdef RV_DEBUG
#define SPINLOCK_INIT(r) { 0, (r), 0 }
#else
#define SPINLOCK_INIT(r) { 0 }
#endif

void spin_init(struct spinlock *l, enum lock_rank rank);
void spin_lock_slow(struct spinlock *l);
/* One turn of any bounded wait for another vCPU; *spins starts at 0. */
void spin_wait(u32 *spins);
#ifdef RV_DEBUG
void spin_debug_acquire(struct spinlock *l);
void spin_debug_release(struct spinlock *l);
#else
#define spin_debug_acquire(l) ((void)0)
#define spin_debug_release(l) ((void)0)
#endif

static inline void spin_lock(struct spinlock *l)
{
    spin_debug_acquire(l);
    if (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
        spin_lock_slow(l);
}

static inline bool spin_trylock(struct spinlock *l)
{
    if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
        return false;
    spin_debug_acquire(l);
    return true;
}

static inline void spin_unlock(struct spinlock *l)
{
    spin_debug_release(l);
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

#endif
