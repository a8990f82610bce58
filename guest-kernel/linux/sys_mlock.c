/* SPDX-License-Identifier: Apache-2.0 */
/* mlock(2) and its kin, and filling memory ahead of its use. */
#include "linux/credentials.h"
#include "linux/memory.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "object/process.h"

#include <asm/resource.h>
#include <linux/mman.h>

#define FILL_STEP (UINT64_C(2) << 20) /* bytes between looks at signals */

static struct aspace *aspace(void)
{
    return process_current()->aspace;
}

u64 memory_lock_limit(void)
{
    return cred_capable(CAP_IPC_LOCK_) ? UINT64_MAX
                                       : READ_ONCE(process_current()->rlimits[RLIMIT_MEMLOCK].cur);
}

int memory_may_lock(void)
{
    return memory_lock_limit() ? 0 : -EPERM;
}

int memory_check_lock(u64 more)
{
    u64 limit = memory_lock_limit(), now = READ_ONCE(aspace()->locked);

    return more > limit - MIN(limit, now) ? -EAGAIN : 0;
}

int memory_fill(u64 addr, u64 len, u32 access)
{
    u64 end = addr + len;
    int r = 0;

    while (r == 0 && addr < end) {
        u64 stop = MIN(ALIGN_DOWN(addr, FILL_STEP) + FILL_STEP, end);

        if (READ_ONCE(process_current()->group_exit))
            return -EINTR;
        r = aspace_fill(aspace(), addr, stop - addr, access);
        addr = stop;
    }
    return r;
}

/* The whole pages of a range: 0, or -EINVAL if it wraps around. */
static int whole_pages(u64 *addr, u64 *len)
{
    u64 start = ALIGN_DOWN(*addr, PAGE_SIZE), end = ALIGN_UP(*addr + *len, PAGE_SIZE);

    if (*addr + *len < *addr || end < start)
        return -EINVAL;
    *addr = start;
    *len = end - start;
    return 0;
}

static s64 set_lock(u64 addr, u64 len, u32 lock)
{
    int r = lock ? memory_may_lock() : 0;

    if (r == 0)
        r = whole_pages(&addr, &len);
    if (r || !len)
        return r;
    if (addr > USER_TOP || len > USER_TOP - addr)
        return -ENOMEM;
    r = aspace_lock(aspace(), addr, len, lock, memory_lock_limit());
    if (r || lock != MAP_F_LOCKED)
        return r;
    r = memory_fill(addr, len, 0);
    return r == -ENOMEM ? -EAGAIN : r && r != -EINTR ? -ENOMEM : r; /* POSIX's, see mlock(2) */
}

s64 sys_mlock(u64 addr, u64 len)
{
    return set_lock(addr, len, MAP_F_LOCKED);
}

s64 sys_mlock2(u64 addr, u64 len, int flags)
{
    if (flags & ~MLOCK_ONFAULT)
        return -EINVAL;
    return set_lock(addr, len, MAP_F_LOCKED | (flags ? MAP_F_ONFAULT : 0));
}

s64 sys_munlock(u64 addr, u64 len)
{
    return set_lock(addr, len, 0);
}

/* Fill what is there; what cannot be is left out (mlockall(2) does not tell). */
static void fill_all(struct aspace *as)
{
    u64 at = 0, end;

    do {
        struct mapping *m;

        mutex_lock(&as->lock);
        m = aspace_find(as, at);
        end = m ? m->end : 0;
        at = m ? MAX(m->node.key, at) : 0;
        mutex_unlock(&as->lock);
        if (end && memory_fill(at, end - at, 0) == -EINTR)
            return;
        at = end;
    } while (end);
}

s64 sys_mlockall(int flags)
{
    u32 lock = MAP_F_LOCKED | (flags & MCL_ONFAULT ? MAP_F_ONFAULT : 0);
    int r;

    if (!flags || flags == MCL_ONFAULT || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
        return -EINVAL;
    r = memory_may_lock();
    if (r == 0)
        r = aspace_lock_all(aspace(), flags & MCL_CURRENT, lock, flags & MCL_FUTURE ? lock : 0,
                            memory_lock_limit());
    if (r == 0 && (flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
        fill_all(aspace());
    return r;
}

s64 sys_munlockall(void)
{
    return aspace_lock_all(aspace(), true, 0, 0, 0);
}
