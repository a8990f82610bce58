/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the address space (aspace*.c). All with as->lock held. */
#ifndef MM_ASPACE_IMPL_H
#define MM_ASPACE_IMPL_H

#include "mm/aspace.h"

#define MAP_COUNT_MAX 65530u                /* vm.max_map_count */
#define STACK_ANON_BASE (UINT64_C(1) << 30) /* anon_off of a new stack's end: room to grow down */

/* A copy of m for [start, end), which lies within m; not in the tree yet. NULL: no memory. */
struct mapping *mapping_piece(struct mapping *m, u64 start, u64 end);
void mapping_insert(struct aspace *as, struct mapping *m);
/* Out of the tree and freed, with its references. The page table is the caller's business. */
void mapping_free(struct aspace *as, struct mapping *m);
/* Make sure no mapping crosses addr. 0 or -ENOMEM. */
int mapping_split(struct aspace *as, u64 addr);
/* Join m with its successor if they are one in all but name; returns the joined one. */
struct mapping *mapping_join(struct aspace *as, struct mapping *m);
/* Join what can be in [start, end) and at its edges. */
void mapping_join_range(struct aspace *as, u64 start, u64 end);
/* Change the start or the end of a mapping in place. */
void mapping_set_start(struct aspace *as, struct mapping *m, u64 start);
void mapping_set_end(struct aspace *as, struct mapping *m, u64 end);
/*
 * Before a mapping grows or is shown elsewhere larger than it was: its changed pages get a VMO of their
 * own, for what was split off it has the indices that follow. 0 or -ENOMEM.
 */
int mapping_own_anon(struct mapping *m);
/* Clear the page table over [start, end) and wait until no vCPU uses it. */
void aspace_zap(struct aspace *as, u64 start, u64 end);
/* Drop the changed pages of [start, end) of m; the page table was cleared before. */
void mapping_drop_anon(struct mapping *m, u64 start, u64 end);
/*
 * A file was cut off at page `first` of its VMO, which is locked: a private mapping's copies of pages from
 * there on are no longer to be seen. The page table was cleared before.
 */
void mapping_cut_anon(struct mapping *m, u64 first);
/* aspace_fault with the lock held. */
int aspace_resolve(struct aspace *as, u64 addr, u32 access);
bool aspace_range_free(struct aspace *as, u64 addr, u64 len);
int aspace_unmap_locked(struct aspace *as, u64 start, u64 end);
s64 aspace_map_locked(struct aspace *as, const struct map_args *a);
/* An address for len bytes, or 0. */
u64 aspace_find_gap(struct aspace *as, u64 len, u64 hint);

static inline u64 anon_index(const struct mapping *m, u64 va)
{
    return (m->anon_off + (va - m->node.key)) >> PAGE_SHIFT;
}

static inline u64 vmo_index(const struct mapping *m, u64 va)
{
    return (m->vmo_off + (va - m->node.key)) >> PAGE_SHIFT;
}

static inline struct mapping *mapping_of(struct tree_node *n)
{
    return n ? container_of(n, struct mapping, node) : NULL;
}

#endif
