/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per-vCPU data. GS points at it in ring 0. The kernel is not preempted, so its own vCPU's fields need
 * no lock; what other vCPUs look at is marked (a), atomic.
 */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include "core/types.h"
#include "hostcalls/abi.h"

struct thread;
struct aspace;
struct arch_cpu; /* descriptor tables and exception stacks; arch/x86_64/guest only */

struct percpu {
    struct percpu *self;          /* offset 0; entry.S knows these five */
    struct thread *current;       /* 8 */
    u64 kstack_top;               /* 16: ring 0 stack for entries from ring 3 */
    u64 user_rsp;                 /* 24: scratch of the system-call entry */
    struct rv_vcpu_page *page;    /* 32 */
    u32 index;
    u32 spin_depth;               /* spinlocks held (debug builds) */
    struct thread *idle;          /* runs when nothing else does */
    /* (a) whose state the FPU registers hold; others only take out a thread that is freed */
    struct thread *fpu_owner;
    struct aspace *aspace;        /* (a) whose page table is loaded; NULL: the kernel's own */
    u64 aspace_gen;               /* (a) its tlb_gen when the TLB was last flushed */
    struct arch_cpu *arch;
    u64 ipi_acks;
    /* (a) statistics: switches of threads, kicks taken, faults for which the host was asked */
    u64 switches, interrupts, major_faults;
    u64 ticks;                    /* (a) page->ticks, as far as threads were charged with them */
};
STATIC_ASSERT(offsetof(struct percpu, current) == 8);
STATIC_ASSERT(offsetof(struct percpu, kstack_top) == 16);
STATIC_ASSERT(offsetof(struct percpu, user_rsp) == 24);
STATIC_ASSERT(offsetof(struct percpu, page) == 32);

extern struct percpu *percpu_table[RV_MAX_VCPUS];
extern u32 ncpus;

#ifndef RV_HOST_TEST
/*
 * Whoever gives the vCPU away may come back on another one. The operand that is not used makes the
 * compiler look again after every call (which may have changed it), not only once in a function.
 */
static inline struct percpu *this_cpu(void)
{
    struct percpu *p;

    __asm__("mov %%gs:0, %0" : "=r"(p) : "m"(percpu_table));
    return p;
}
#else
struct percpu *this_cpu(void);
#endif

/* Every way from ring 3 begins with this; the ways back clear it (entry.S, trap_return_work). */
static inline struct rv_vcpu_page *cpu_enter_kernel(void)
{
    struct rv_vcpu_page *page = this_cpu()->page;

    WRITE_ONCE(page->in_kernel, 1);
    return page;
}

#endif
