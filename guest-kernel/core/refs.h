/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference counts. A count that comes near its end stays where it is for ever, and what it counts is
 * never freed: a program that finds a way to take 2^31 references wastes memory, instead of getting
 * hold of what was freed under others. DEBUG builds also look for references taken from nothing.
 */
#ifndef CORE_REFS_H
#define CORE_REFS_H

#include "core/types.h"

#ifdef RV_DEBUG
#include "core/print.h"
#endif

/* Far from both ends, however many vCPUs are between their step and the look at it. */
#define REFS_STUCK UINT32_C(0xc0000000)

static inline bool refs_are_stuck(u32 n)
{
    return n >> 31;
}

/* The caller has a reference already, or holds what keeps the last one from going. */
static inline void refs_get(u32 *refs)
{
    s32 now = __atomic_add_fetch((s32 *)refs, 1, __ATOMIC_RELAXED);

#ifdef RV_DEBUG
    ASSERT(now != 1);
#endif
    if (unlikely(now <= 0))
        __atomic_store_n(refs, REFS_STUCK, __ATOMIC_RELAXED);
}

/* Whether this was the last one: then nobody else changes the count any more. */
static inline bool refs_put(u32 *refs)
{
    if (likely(__atomic_sub_fetch((s32 *)refs, 1, __ATOMIC_ACQ_REL) > 0))
        return false;
    if (READ_ONCE(*refs) == 0)
        return true;
#ifdef RV_DEBUG
    ASSERT(READ_ONCE(*refs) != UINT32_MAX);
#endif
    __atomic_store_n(refs, REFS_STUCK, __ATOMIC_RELAXED);
    return false;
}

/* Take one unless there is none left: of something that is found in a table while it ends. */
static inline bool refs_try_get(u32 *refs)
{
    u32 n = READ_ONCE(*refs);

    while (n && !refs_are_stuck(n))
        if (__atomic_compare_exchange_n(refs, &n, n + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return true;
    return n != 0;
}

#endif
