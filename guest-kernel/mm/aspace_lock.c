/* SPDX-License-Identifier: Apache-2.0 */
/* Locked memory, and memory filled ahead of its use. See aspace.h. */
#include "arch/mmu.h"
#include "mm/aspace_impl.h"

static u64 bytes_in(const struct mapping *m, u64 start, u64 end)
{
    return MIN(m->end, end) - MAX(m->node.key, start);
}

/* Whether [addr, end) is mapped without a gap; how much of it is locked. */
static bool look_over(struct aspace *as, u64 addr, u64 end, u64 *locked)
{
    u64 at = addr;

    *locked = 0;
    for (struct mapping *m = aspace_find(as, addr); m && m->node.key <= at && at < end;
         m = aspace_next(m)) {
        if (m->flags & MAP_F_LOCKED)
            *locked += bytes_in(m, addr, end);
        at = m->end;
    }
    return at >= end;
}

static void set_lock(struct aspace *as, struct mapping *m, u32 lock)
{
    u64 len = m->end - m->node.key;

    if (m->flags & MAP_F_KERNEL)
        return;
    if (m->flags & MAP_F_LOCKED)
        as->locked -= len;
    m->flags = (m->flags & ~MAP_F_LOCK_MASK) | lock;
    if (m->flags & MAP_F_LOCKED)
        as->locked += len;
}

int aspace_lock(struct aspace *as, u64 addr, u64 len, u32 lock, u64 limit)
{
    u64 end = addr + len, already;
    int r = -ENOMEM;

    mutex_lock(&as->lock);
    if (look_over(as, addr, end, &already) && (!lock || as->locked - already + len <= limit)) {
        r = mapping_split(as, addr);
        if (r == 0)
            r = mapping_split(as, end);
    }
    if (r == 0) {
        for (struct mapping *m = aspace_find(as, addr); m && m->node.key < end; m = aspace_next(m))
            set_lock(as, m, lock);
        mapping_join_range(as, addr, end);
    }
    mutex_unlock(&as->lock);
    return r;
}

int aspace_lock_all(struct aspace *as, bool now, u32 lock, u32 lock_new, u64 limit)
{
    int r = 0;

    mutex_lock(&as->lock);
    if (now && lock && as->mapped > limit) {
        r = -ENOMEM;
    } else {
        as->lock_new = lock_new;
        for (struct mapping *m = aspace_find(as, 0); now && m; m = aspace_next(m))
            set_lock(as, m, lock);
        if (now)
            mapping_join_range(as, USER_MIN, USER_TOP);
    }
    mutex_unlock(&as->lock);
    return r;
}

static int fill_mapping(struct aspace *as, struct mapping *m, u64 at, u64 end, u32 access)
{
    int r = 0;

    if (m->flags & MAP_F_KERNEL)
        return 0;
    if (!access) {
        if (m->flags & MAP_F_ONFAULT)
            return 0;
        access = (m->prot & VM_WRITE) && !(m->flags & MAP_F_SHARED) ? VM_WRITE : VM_READ;
    }
    for (; r == 0 && at < end; at += PAGE_SIZE) {
        bool there;
        u32 prot = 0;

        spin_lock(&as->pt_lock);
        there = mmu_lookup(as->pt_root, at, &prot) && (prot & access);
        spin_unlock(&as->pt_lock);
        if (!there)
            r = aspace_resolve(as, at, access);
    }
    return r;
}

int aspace_fill(struct aspace *as, u64 addr, u64 len, u32 access)
{
    u64 at = addr, end = addr + len;
    int r = 0;

    mutex_lock(&as->lock);
    while (r == 0 && at < end) {
        struct mapping *m = aspace_find(as, at);

        if (!m || m->node.key > at) {
            r = FAULT_MAPERR;
        } else {
            u64 stop = MIN(m->end, end);

            r = fill_mapping(as, m, at, stop, access);
            at = stop;
        }
    }
    mutex_unlock(&as->lock);
    return r;
}
