/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page tables. User entries are made from the VMOs and can be dropped at any time; they hold no
 * references. Functions on a user table want the address space's pt_lock.
 */
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include "core/types.h"

#define KSTACK_BASE UINT64_C(0xffffc00000000000) /* guarded kernel stacks */
#define HUGE_SIZE  (UINT64_C(2) << 20)
#define HUGE_PAGES 512u
#define FRAMES_BASE UINT64_C(0xffffd00000000000) /* struct frame of each page of RAM */
#define KERNEL_BASE UINT64_C(0xffffffff80000000) /* kernel image: GPA + this */

/* A new table with the kernel's upper half; 0: no memory. */
u64 mmu_create(void);
/* Free the lower half's tables and the root. Not loaded anywhere. */
void mmu_destroy(u64 root);

/*
 * Prepare to map one page: allocates tables down to the entry. 0 or -ENOMEM. Without pt_lock (it may
 * allocate); tables are never freed before mmu_destroy, so what it made stays.
 */
int mmu_prepare(u64 root, u64 va);
/* Set the entry of va to pa with VM_* protection. False: tables are missing, call mmu_prepare. */
bool mmu_map(u64 root, u64 va, u64 pa, u32 prot);
/*
 * Mapping ahead of faults: the n entries from va on, all in one last-level table, where nothing is yet; to
 * the page addresses in words (low bits are ignored), 0: none. Does nothing if the table is missing.
 */
void mmu_map_ahead(u64 root, u64 va, const u64 *words, u64 n, u32 prot);
/*
 * A huge page: 2 MiB, both addresses aligned. False: there are tables or entries already, or no memory;
 * map single pages then. Without pt_lock: mmu_prepare_huge.
 */
bool mmu_map_huge(u64 root, u64 va, u64 pa, u32 prot);
int mmu_prepare_huge(u64 root, u64 va);
/* Whether nothing was ever mapped in the 2 MiB at va. */
bool mmu_huge_free(u64 root, u64 va);
/*
 * Clear entries in [start, end). Returns whether any was present (a TLB flush is due). A huge page of
 * which the range has a part goes as a whole, to be faulted in again: the range grows to what is to be
 * flushed.
 */
bool mmu_unmap(u64 root, u64 *start, u64 *end);
/* Take away rights: entries in the range lose what prot lacks. True: a flush is due; as above. */
bool mmu_restrict(u64 root, u64 *start, u64 *end, u32 prot);
/* Pages of 4 KiB that the table shows now: the resident set of its address space. */
u64 mmu_shown(u64 root);
/* The entry: physical address | 1 if present, with *prot; else 0. */
u64 mmu_lookup(u64 root, u64 va, u32 *prot);

/*
 * Kernel half. Map one page (not executable); missing tables come from alloc, which returns a zeroed
 * frame or 0. 0 or -ENOMEM. Safe against others that map elsewhere at the same time.
 */
int mmu_map_kernel(u64 va, u64 pa, bool writable, u64 (*alloc)(void));
void mmu_unmap_kernel(u64 va); /* and flush this vCPU; others by the caller */
/* Physical address of a kernel address, or 0. */
u64 mmu_kernel_pa(u64 va);
/* Extend the direct map over [pa, pa + len), multiples of 2 MiB. 0 or -ENOMEM. */
int mmu_map_direct(u64 pa, u64 len, bool writable, u64 (*alloc)(void));

void mmu_load(u64 root);            /* flushes this vCPU's TLB of user entries */
void mmu_load_kernel(void);
void mmu_flush_page(u64 va);
void mmu_flush_user(void);
void mmu_init(void);

#endif
