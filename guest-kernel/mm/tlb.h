/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLB shootdown. Each address space counts its shootdowns (tlb_gen) and knows the vCPUs that have it
 * loaded (cpus). A vCPU that loads it flushes by that; only those that have it loaded now are kicked.
 */
#ifndef MM_TLB_H
#define MM_TLB_H

#include "core/types.h"

struct aspace;

/*
 * Make sure that no vCPU uses entries of [start, end) that were just taken from the page table. Frames
 * may be reused after it returns. No spinlock held; mutexes may be.
 */
void tlb_shootdown(struct aspace *as, u64 start, u64 end);

/*
 * A full memory barrier on every vCPU that runs a thread of as, before it returns. Those that are switched
 * to it meanwhile have had one by that.
 */
void tlb_barrier(struct aspace *as);

/* Serve other vCPUs' requests on this one: called by all who spin and on each kick. */
void tlb_serve(void);

/* Load the page table of as (NULL: the kernel's own) on this vCPU. */
void tlb_switch(struct aspace *as);

/* Wait until no vCPU has the page table of as loaded; nobody may begin to use it. */
void tlb_retire(struct aspace *as);

#endif
