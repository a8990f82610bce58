/* SPDX-License-Identifier: Apache-2.0 */
/* The system as a whole: names, limits, information, randomness. */
#include "core/random.h"
#include "core/string.h"
#include "linux/abi_time.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "linux/uts.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "object/process.h"

#include <linux/random.h>
#include <linux/resource.h>

#define NR_OPEN_MAX UINT64_C(1048576)

/* --- names ------------------------------------------------------------------------------------ */

static struct uts uts = {
    .sysname = "Linux",
    .nodename = "localhost",
    .release = RV_LINUX_RELEASE,
    .version = RV_LINUX_VERSION,
    .machine = "x86_64",
    .domainname = "(none)",
};
static struct spinlock uts_lock = SPINLOCK_INIT(RANK_LEAF);

void uts_get(struct uts *out)
{
    spin_lock(&uts_lock);
    *out = uts;
    spin_unlock(&uts_lock);
}

void uts_set_hostname(const char *name, size_t len)
{
    spin_lock(&uts_lock);
    memset(uts.nodename, 0, sizeof(uts.nodename));
    memcpy(uts.nodename, name, MIN(len, sizeof(uts.nodename) - 1));
    spin_unlock(&uts_lock);
}

s64 sys_uname(u64 to)
{
    struct uts u;

    uts_get(&u);
    return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}

s64 sys_sethostname(u64 from, u64 len)
{
    char name[UTS_LEN];

    if (!cred_capable(CAP_SYS_ADMIN_))
        return -EPERM;
    if (len >= UTS_LEN)
        return -EINVAL;
    if (copy_from_user(name, from, len))
        return -EFAULT;
    uts_set_hostname(name, len);
    return 0;
}

s64 sys_setdomainname(u64 from, u64 len)
{
    char name[UTS_LEN] = "";

    if (!cred_capable(CAP_SYS_ADMIN_))
        return -EPERM;
    if (len >= UTS_LEN)
        return -EINVAL;
    if (copy_from_user(name, from, len))
        return -EFAULT;
    spin_lock(&uts_lock);
    memcpy(uts.domainname, name, sizeof(name));
    spin_unlock(&uts_lock);
    return 0;
}

/* --- information ------------------------------------------------------------------------------ */

struct abi_sysinfo {
    s64 uptime;
    u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    u16 procs, pad;
    u64 totalhigh, freehigh;
    u32 mem_unit, pad2;
};
STATIC_ASSERT(sizeof(struct abi_sysinfo) == 112);

s64 sys_sysinfo(u64 to)
{
    struct frame_stats mem;
    struct abi_sysinfo si;
    u32 procs = 0;

    frame_get_stats(&mem);
    for (u32 pid = 1;; pid++) {
        struct process *p = process_next(&pid);

        if (!p)
            break;
        object_unref(&p->obj);
        procs++;
    }
    memset(&si, 0, sizeof(si));
    si.uptime = (s64)(time_boot() / NSEC_PER_SEC);
    si.totalram = mem.limit;
    si.freeram = mem.limit - (mem.total - mem.free);
    si.procs = (u16)procs;
    si.mem_unit = 1;
    return copy_to_user(to, &si, sizeof(si)) ? -EFAULT : 0;
}

s64 sys_getrandom(u64 to, u64 len, u64 flags)
{
    u8 buf[256];
    u64 done = 0;

    if ((flags & ~(u64)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
        (flags & (GRND_INSECURE | GRND_RANDOM)) == (GRND_INSECURE | GRND_RANDOM))
        return -EINVAL;
    len = MIN(len, UINT64_C(0x7ffff000));
    while (done < len) {
        u64 n = MIN(len - done, sizeof(buf)), left;

        random_bytes(buf, n);
        left = copy_to_user_partial(to + done, buf, n);
        done += n - left;
        if (left)
            break;
        if (done % 65536 == 0 && signal_is_pending())
            break;
    }
    memset(buf, 0, sizeof(buf));
    return done || !len ? (s64)done : -EFAULT;
}

/* --- limits ----------------------------------------------------------------------------------- */

static s64 do_rlimit(struct process *p, int which, u64 new, u64 old)
{
    struct rlimit_value value, before;
    bool privileged = cred_capable(CAP_SYS_RESOURCE_);
    s64 r = 0;

    if (which < 0 || which >= RLIM_NLIMITS)
        return -EINVAL;
    if (new) {
        if (copy_from_user(&value, new, sizeof(value)))
            return -EFAULT;
        if (value.cur > value.max)
            return -EINVAL;
        if (which == RLIMIT_NOFILE && value.max > NR_OPEN_MAX)
            return -EPERM;
    }
    spin_lock(&p->lock);
    before = p->rlimits[which];
    if (new && value.max > before.max && !privileged)
        r = -EPERM;
    else if (new)
        p->rlimits[which] = value;
    if (new && r == 0 && which == RLIMIT_STACK && p->aspace)
        p->aspace->stack_limit = value.cur;
    if (new && r == 0 && which == RLIMIT_AS && p->aspace)
        p->aspace->size_limit = value.cur;
    if (new && r == 0 && which == RLIMIT_CPU)
        cputime_limit_changed(p);
    spin_unlock(&p->lock);
    if (r == 0 && old && copy_to_user(old, &before, sizeof(before)))
        r = -EFAULT;
    return r;
}
STATIC_ASSERT(RLIM_NLIMITS == RLIMIT_COUNT);

s64 sys_getrlimit(int which, u64 to)
{
    return do_rlimit(process_current(), which, 0, to);
}

s64 sys_setrlimit(int which, u64 from)
{
    return from ? do_rlimit(process_current(), which, from, 0) : -EFAULT;
}

s64 sys_prlimit64(int pid, int which, u64 new, u64 old)
{
    struct process *p = pid ? process_find((u32)pid) : process_current();
    s64 r;

    if (!p)
        return -ESRCH;
    if (p == process_current())
        r = do_rlimit(p, which, new, old);
    else
        r = cred_may_change(p, CAP_SYS_RESOURCE_) ? do_rlimit(p, which, new, old) : -EPERM;
    if (pid)
        object_unref(&p->obj);
    return r;
}

s64 sys_personality(u64 persona)
{
    struct process *p = process_current();
    u64 old = p->personality;

    if ((u32)persona != UINT32_MAX)
        p->personality = (u32)persona;
    return (s64)old;
}
