/* SPDX-License-Identifier: Apache-2.0 */
/* Guarded kernel stacks: see kstack.h. A freed stack stays mapped and is used again first. */
#include "mm/kstack.h"

#include "arch/mmu.h"
#include "core/lock.h"
#include "mm/frame.h"

#define STRIDE (32ul << 10) /* the guard is the unmapped rest below each stack */

static struct {
    struct spinlock lock;
    u64 free; /* first free stack: the next one's address is in its first word */
    u64 next; /* number of stacks ever made */
} stacks = { .lock = SPINLOCK_INIT(RANK_SLAB) };

static u64 zeroed_frame(void)
{
    return frame_alloc(FRAME_ZERO | FRAME_KERNEL);
}

static u64 make_stack(u64 base)
{
    for (u64 off = 0; off < KSTACK_SIZE; off += PAGE_SIZE) {
        u64 pa = frame_alloc(FRAME_KERNEL);

        if (!pa || mmu_map_kernel(base + off, pa, true, zeroed_frame)) {
            if (pa)
                frame_unref(pa);
            /* The pages mapped so far stay at this address; a later stack will use another one. */
            return 0;
        }
    }
    return base;
}

u64 kstack_alloc(void)
{
    u64 stack, n;

    spin_lock(&stacks.lock);
    stack = stacks.free;
    if (stack)
        stacks.free = *(u64 *)stack;
    n = stack ? 0 : stacks.next++;
    spin_unlock(&stacks.lock);
    if (stack)
        return stack;
    return make_stack(KSTACK_BASE + n * STRIDE + (STRIDE - KSTACK_SIZE));
}

void kstack_free(u64 stack)
{
    spin_lock(&stacks.lock);
    *(u64 *)stack = stacks.free;
    stacks.free = stack;
    spin_unlock(&stacks.lock);
}
