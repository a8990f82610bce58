/* SPDX-License-Identifier: Apache-2.0 */
/* Contended spinlocks and the order check of DEBUG builds: see lock.h. */
#include "core/lock.h"

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "core/hostcall.h"
#include "core/print.h"
#include "mm/tlb.h"

#define SPINS_BEFORE_YIELD 2000u

void spin_init(struct spinlock *l, enum lock_rank rank)
{
    l->locked = 0;
#ifdef RV_DEBUG
    l->rank = (u16)rank;
    l->cpu = 0;
#else
    (void)rank;
#endif
}

/*
 * Spin, serving flush requests: the holder may be waiting for our acknowledgement. The yield hostcall
 * comes after a bounded time, because the holder's vCPU may not be running at all.
 */
void spin_wait(u32 *spins)
{
    cpu_relax();
    tlb_serve();
    if (++*spins >= SPINS_BEFORE_YIELD) {
        *spins = 0;
        hostcall(RV_HC_yield, 0, 0, 0, 0, 0, NULL);
    }
}

void spin_lock_slow(struct spinlock *l)
{
    u32 spins = 0;

    do {
        while (READ_ONCE(l->locked))
            spin_wait(&spins);
    } while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE));
}

#ifdef RV_DEBUG
/* Ranks of the locks this vCPU holds, in the order taken. */
static struct {
    u16 rank[16];
} held[RV_MAX_VCPUS];

void spin_debug_acquire(struct spinlock *l)
{
    struct percpu *cpu = this_cpu();
    u32 n = cpu->spin_depth;

    if (n && n <= 16 && held[cpu->index].rank[n - 1] > l->rank)
        panic("lock order: rank %u taken while rank %u is held", l->rank,
              held[cpu->index].rank[n - 1]);
    if (n < 16)
        held[cpu->index].rank[n] = l->rank;
    cpu->spin_depth = n + 1;
}

void spin_debug_release(struct spinlock *l)
{
    struct percpu *cpu = this_cpu();
    u32 n = cpu->spin_depth;
    u16 *rank = held[cpu->index].rank;
    u32 i;

    if (!n)
        panic("lock of rank %u released but none is held", l->rank);
    /* Locks may be released in any order: close the gap. */
    for (i = MIN(n, 16u); i > 0 && rank[i - 1] != l->rank; i--)
        ;
    for (; i > 0 && i < MIN(n, 16u); i++)
        rank[i - 1] = rank[i];
    cpu->spin_depth = n - 1;
}
#endif
