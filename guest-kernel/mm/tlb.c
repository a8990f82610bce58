/* SPDX-License-Identifier: Apache-2.0 */
/* TLB shootdown: see tlb.h. */
#include "mm/tlb.h"

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "arch/percpu.h"
#include "core/hostcall.h"
#include "core/lock.h"
#include "mm/aspace.h"

#define PAGES_ONE_BY_ONE 32u

static u64 own_bit(void)
{
    return UINT64_C(1) << this_cpu()->index;
}

void tlb_switch(struct aspace *as)
{
    struct percpu *cpu = this_cpu();
    struct aspace *old = cpu->aspace;

    if (old == as)
        return;
    if (old) {
        /* Off the old table before its bit goes: whoever sees no bit may free the table. */
        if (!as)
            mmu_load_kernel();
        else {
            __atomic_fetch_or(&as->cpus, own_bit(), __ATOMIC_SEQ_CST);
            cpu->aspace_gen = __atomic_load_n(&as->tlb_gen, __ATOMIC_SEQ_CST);
            mmu_load(as->pt_root);
        }
        __atomic_store_n(&cpu->aspace, as, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(&old->cpus, ~own_bit(), __ATOMIC_SEQ_CST);
        return;
    }
    /* The bit before the count is read: a shootdown either counts before, or sees the bit. */
    __atomic_fetch_or(&as->cpus, own_bit(), __ATOMIC_SEQ_CST);
    cpu->aspace_gen = __atomic_load_n(&as->tlb_gen, __ATOMIC_SEQ_CST);
    mmu_load(as->pt_root);
    __atomic_store_n(&cpu->aspace, as, __ATOMIC_SEQ_CST);
}

void tlb_serve(void)
{
    struct percpu *cpu = this_cpu();
    struct aspace *as = cpu->aspace;
    u64 gen;

    if (!as)
        return;
    if (unlikely(READ_ONCE(as->refs) == 0)) {
        tlb_switch(NULL);
        return;
    }
    gen = __atomic_load_n(&as->tlb_gen, __ATOMIC_SEQ_CST);
    if (gen == cpu->aspace_gen)
        return;
    mmu_flush_user();
    __atomic_store_n(&cpu->aspace_gen, gen, __ATOMIC_SEQ_CST);
}

/* vCPUs that may still hold entries of as from before generation gen. */
static u64 behind(struct aspace *as, u64 gen)
{
    u64 mask = __atomic_load_n(&as->cpus, __ATOMIC_SEQ_CST) & ~own_bit();
    u64 result = 0;

    for (; mask; mask &= mask - 1) {
        u32 i = cpu_lowest_bit(mask);
        struct percpu *cpu = percpu_table[i];

        /* A vCPU between two tables has its bit but not yet the pointer: it counts as behind. */
        if (__atomic_load_n(&cpu->aspace, __ATOMIC_SEQ_CST) != as ||
            __atomic_load_n(&cpu->aspace_gen, __ATOMIC_SEQ_CST) < gen)
            result |= UINT64_C(1) << i;
    }
    return result;
}

static void kick_and_wait(struct aspace *as, u64 gen)
{
    u64 mask = behind(as, gen);
    u32 spins = 0;

    if (!mask)
        return;
    hostcall(RV_HC_kick, mask, 0, 0, 0, 0, NULL);
    while (behind(as, gen))
        spin_wait(&spins);
}

void tlb_shootdown(struct aspace *as, u64 start, u64 end)
{
    struct percpu *cpu = this_cpu();
    u64 gen = __atomic_add_fetch(&as->tlb_gen, 1, __ATOMIC_SEQ_CST);

    if (cpu->aspace == as) {
        if (cpu->aspace_gen + 1 == gen && (end - start) >> PAGE_SHIFT <= PAGES_ONE_BY_ONE) {
            for (u64 va = start; va < end; va += PAGE_SIZE)
                mmu_flush_page(va);
        } else {
            mmu_flush_user();
        }
        __atomic_store_n(&cpu->aspace_gen, gen, __ATOMIC_SEQ_CST);
    }
    kick_and_wait(as, gen);
}

void tlb_barrier(struct aspace *as)
{
    tlb_shootdown(as, 0, 0); /* nothing is to be flushed here; the others acknowledge */
}

void tlb_retire(struct aspace *as)
{
    if (this_cpu()->aspace == as)
        tlb_switch(NULL);
    kick_and_wait(as, UINT64_MAX);
}
