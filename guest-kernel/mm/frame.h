/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page frames: guest RAM in units of 4 KiB, with a reference count each. RAM is asked from the host in
 * steps when nothing is free, up to the container's limit. Frames never used before are known to be
 * zero and are not cleared again.
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "core/types.h"

#define FRAME_ZERO  1u /* contents zero */
#define FRAME_KERNEL 2u /* for the kernel itself: kept apart from others where possible */

/* Returns the physical address of a frame with one reference, or 0: no memory. */
u64 frame_alloc(unsigned flags) MUST_CHECK;
/* 2^order physically contiguous frames, aligned to their size, one reference on the first. 0 ... 9. */
u64 frame_alloc_run(unsigned order, unsigned flags) MUST_CHECK;
void frame_free_run(u64 pa, unsigned order);

/*
 * 2 MiB of zeroed frames, aligned, each with one reference of its own. 0: there is none, or memory is
 * too short to give it away in such pieces. frame_free_huge: each has its one reference.
 */
u64 frame_alloc_huge(void) MUST_CHECK;
void frame_free_huge(u64 pa);

void frame_ref(u64 pa);
/* The first reference on a frame that the VMM set aside at boot. */
void frame_adopt(u64 pa);
void frame_unref(u64 pa);      /* frees it with the last reference */
/*
 * The same for a frame of which only the first bytes, a few, can be other than zero: they are cleared now,
 * so that it need not be as a whole later.
 */
void frame_unref_used(u64 pa, u64 used);
u32 frame_refs(u64 pa);        /* 1: the caller is the only user */
bool frame_owns_huge(u64 pa);  /* the caller is the only user of all 512 from pa, at 2 MiB, on */

/* Bytes handed out by the host, bytes free of those, and the limit. */
struct frame_stats {
    u64 total, free, limit;
};
void frame_get_stats(struct frame_stats *s);

/* The direct map: every frame and window page of the machine is readable here. */
#define DIRECT_BASE UINT64_C(0xffff800000000000)
#ifndef RV_HOST_TEST
static inline void *phys_to_virt(u64 pa)
{
    return (void *)(DIRECT_BASE + pa);
}
static inline u64 virt_to_phys(const void *va)
{
    return (u64)va - DIRECT_BASE;
}
#else
void *phys_to_virt(u64 pa);
u64 virt_to_phys(const void *va);
#endif

#endif
