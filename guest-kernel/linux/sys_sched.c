/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling parameters: affinity counts, classes and niceness are kept and reported. */
#include "arch/percpu.h"
#include "linux/abi_struct.h"
#include "linux/abi_time.h"
#include "linux/credentials.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "sched/sched.h"

#include <linux/sched.h>

#define NICE_MIN (-20)
#define NICE_MAX 19
#define RLIMIT_NICE_ 13

/* The thread of that number (0: the caller), with a reference. */
static struct thread *target(int pid)
{
    if (pid)
        return pid > 0 ? thread_find((u32)pid) : NULL;
    object_ref(&current()->obj);
    return current();
}

static u64 all_cpus(void)
{
    u32 n = sched_ncpus();

    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

s64 sys_sched_yield(void)
{
    thread_yield();
    return 0;
}

s64 sys_sched_setaffinity(int pid, u64 size, u64 from)
{
    u64 mask = 0;
    struct thread *t;

    if (copy_from_user(&mask, from, MIN(size, sizeof(mask))))
        return -EFAULT;
    mask &= all_cpus();
    t = target(pid);
    if (!t)
        return -ESRCH;
    if (t->proc != process_current() && !cred_may_change(t->proc, CAP_SYS_NICE_)) {
        object_unref(&t->obj);
        return -EPERM;
    }
    if (mask) {
        __atomic_store_n(&t->affinity, mask, __ATOMIC_RELEASE);
        if (!(mask & UINT64_C(1) << READ_ONCE(t->cpu)))
            thread_set_work(t, WORK_RESCHED);
    }
    object_unref(&t->obj);
    return mask ? 0 : -EINVAL;
}

s64 sys_sched_getaffinity(int pid, u64 size, u64 to)
{
    struct thread *t;
    u64 mask;

    if (size % 8 || size * 8 < sched_ncpus())
        return -EINVAL;
    t = target(pid);
    if (!t)
        return -ESRCH;
    mask = __atomic_load_n(&t->affinity, __ATOMIC_ACQUIRE) & all_cpus();
    object_unref(&t->obj);
    return copy_to_user(to, &mask, sizeof(mask)) ? -EFAULT : (s64)sizeof(mask);
}

s64 sys_getcpu(u64 cpu_to, u64 node_to, u64 unused UNUSED)
{
    u32 cpu = this_cpu()->index, node = 0;

    if (cpu_to && copy_to_user(cpu_to, &cpu, sizeof(cpu)))
        return -EFAULT;
    return node_to && copy_to_user(node_to, &node, sizeof(node)) ? -EFAULT : 0;
}

/* --- niceness and policies: kept and reported, the scheduler treats all alike ------------------- */

/* Whether t may be that nice: its limit, or CAP_SYS_NICE. */
static bool can_nice(const struct thread *t, int nice)
{
    u64 limit = t->proc->rlimits[RLIMIT_NICE_].cur;

    return nice >= 20 - (int)MIN(limit, UINT64_C(40)) || cred_capable(CAP_SYS_NICE_);
}

/* Whether it may become so. */
static bool may_be_nice(const struct thread *t, int nice)
{
    return nice >= t->nice || can_nice(t, nice);
}

static bool exists(int pid)
{
    struct thread *t = target(pid);

    if (t)
        object_unref(&t->obj);
    return t != NULL;
}

s64 sys_sched_getscheduler(int pid)
{
    struct thread *t = pid < 0 ? NULL : target(pid);
    s64 policy;

    if (!t)
        return pid < 0 ? -EINVAL : -ESRCH;
    policy = READ_ONCE(t->policy) | (READ_ONCE(t->reset_on_fork) ? SCHED_RESET_ON_FORK : 0);
    object_unref(&t->obj);
    return policy;
}

/* What a thread is to be; as sched_setattr(2) has it. */
struct sched_wish {
    u32 policy, priority;
    bool reset_on_fork;
    s32 nice;
    bool set_nice;
};

/* What can be right or wrong with it by itself: 0 or -EINVAL. */
static int check_wish(const struct sched_wish *w)
{
    switch (w->policy) {
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return w->priority ? -EINVAL : 0;
    case SCHED_FIFO:
    case SCHED_RR:
        return w->priority < 1 || w->priority > 99 ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

/* t->proc->lock held; sched(7) says who may do what. */
static int grant(struct thread *t, const struct sched_wish *w, bool others_allowed)
{
    bool real_time = w->policy == SCHED_FIFO || w->policy == SCHED_RR;

    if (real_time || !others_allowed)
        return -EPERM; /* nobody here has CAP_SYS_NICE or a limit above 0 */
    if (w->set_nice && !may_be_nice(t, w->nice))
        return -EPERM;
    if (t->policy == SCHED_IDLE && w->policy != SCHED_IDLE && !can_nice(t, t->nice))
        return -EPERM;
    if (t->reset_on_fork && !w->reset_on_fork && !cred_capable(CAP_SYS_NICE_))
        return -EPERM;
    t->policy = w->policy;
    t->reset_on_fork = w->reset_on_fork;
    if (w->set_nice)
        t->nice = w->nice;
    return 0;
}

static s64 set_policy(int pid, const struct sched_wish *w)
{
    struct thread *t = target(pid);
    bool allowed;
    int r;

    if (!t)
        return -ESRCH;
    r = check_wish(w);
    if (r == 0) {
        allowed = t->proc == process_current() || cred_may_change(t->proc, CAP_SYS_NICE_);
        spin_lock(&t->proc->lock);
        r = grant(t, w, allowed);
        spin_unlock(&t->proc->lock);
    }
    object_unref(&t->obj);
    return r;
}

s64 sys_sched_setscheduler(int pid, int policy, u64 param)
{
    struct sched_wish w = { .policy = (u32)policy & ~(u32)SCHED_RESET_ON_FORK,
                            .reset_on_fork = policy & SCHED_RESET_ON_FORK };

    if (pid < 0 || policy < 0 || !param)
        return -EINVAL;
    if (copy_from_user(&w.priority, param, sizeof(w.priority)))
        return -EFAULT;
    return set_policy(pid, &w);
}

s64 sys_sched_getparam(int pid, u64 to)
{
    s32 priority = 0;

    if (pid < 0 || !to)
        return -EINVAL;
    if (!exists(pid))
        return -ESRCH;
    return copy_to_user(to, &priority, sizeof(priority)) ? -EFAULT : 0;
}

s64 sys_sched_setparam(int pid, u64 from)
{
    s64 policy = sys_sched_getscheduler(pid);

    if (pid < 0 || !from)
        return -EINVAL;
    return policy < 0 ? policy : sys_sched_setscheduler(pid, (int)policy, from);
}

/* struct sched_attr of sched_setattr(2), as of Linux 5.3. */
struct abi_sched_attr {
    u32 size, policy;
    u64 flags;
    s32 nice;
    u32 priority;
    u64 runtime, deadline, period;
    u32 util_min, util_max;
};

#define ATTR_SIZE_FIRST 48u
STATIC_ASSERT(offsetof(struct abi_sched_attr, util_min) == ATTR_SIZE_FIRST);

s64 sys_sched_setattr(int pid, u64 from, u32 flags)
{
    struct abi_sched_attr a = { .size = 0 };
    const u32 ours = sizeof(a);
    struct sched_wish w;
    u32 size;
    int r;

    if (pid < 0 || !from || flags)
        return -EINVAL;
    if (copy_from_user(&size, from, sizeof(size)))
        return -EFAULT;
    if (!size)
        size = ATTR_SIZE_FIRST;
    r = size < ATTR_SIZE_FIRST || size > PAGE_SIZE ? -E2BIG : 0;
    if (r == 0)
        r = struct_from_user(&a, ours, from, size);
    if (r)
        return r == -E2BIG && copy_to_user(from, &ours, sizeof(ours)) ? -EFAULT : r;
    if ((s32)a.policy < 0 || (a.flags & ~(u64)SCHED_FLAG_ALL))
        return -EINVAL;
    if (a.flags & SCHED_FLAG_UTIL_CLAMP)
        return -EOPNOTSUPP;
    w = (struct sched_wish){ .policy = a.policy, .priority = a.priority,
                             .reset_on_fork = a.flags & SCHED_FLAG_RESET_ON_FORK,
                             .nice = MAX(NICE_MIN, MIN(a.nice, NICE_MAX)),
                             .set_nice = a.policy == SCHED_NORMAL || a.policy == SCHED_BATCH };
    if (a.flags & SCHED_FLAG_KEEP_POLICY) {
        s64 policy = sys_sched_getscheduler(pid);

        if (policy < 0)
            return policy;
        w.policy = (u32)policy & ~(u32)SCHED_RESET_ON_FORK;
    }
    if (a.flags & SCHED_FLAG_KEEP_PARAMS)
        w.set_nice = false;
    return set_policy(pid, &w);
}

s64 sys_sched_getattr(int pid, u64 to, u32 size, u32 flags)
{
    struct abi_sched_attr a = { .size = MIN(size, (u32)sizeof(a)) };
    struct thread *t;

    if (pid < 0 || !to || flags || size < ATTR_SIZE_FIRST || size > PAGE_SIZE)
        return -EINVAL;
    t = target(pid);
    if (!t)
        return -ESRCH;
    a.policy = READ_ONCE(t->policy);
    a.flags = READ_ONCE(t->reset_on_fork) ? SCHED_FLAG_RESET_ON_FORK : 0;
    a.nice = READ_ONCE(t->nice);
    object_unref(&t->obj);
    return copy_to_user(to, &a, a.size) ? -EFAULT : 0;
}

static s64 priority_limit(int policy, int real_time)
{
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return real_time;
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return 0;
    default:
        return -EINVAL;
    }
}

s64 sys_sched_get_priority_max(int policy)
{
    return priority_limit(policy, 99);
}

s64 sys_sched_get_priority_min(int policy)
{
    return priority_limit(policy, 1);
}

s64 sys_sched_rr_get_interval(int pid, u64 to)
{
    if (pid < 0)
        return -EINVAL;
    return exists(pid) ? put_timespec(to, 4000000) : -ESRCH;
}

/* --- getpriority(2), setpriority(2) ------------------------------------------------------------ */

struct nice_walk {
    int set, best;
    bool any, write;
    s64 error;
};

/* The threads of a process, or `only` one of them. */
static void visit(struct process *p, const struct thread *only, struct nice_walk *w)
{
    struct thread *t;
    bool allowed = p == process_current() || cred_may_change(p, CAP_SYS_NICE_);
    s64 error = 0;

    w->any = true;
    spin_lock(&p->lock);
    list_for_each(t, &p->threads, proc_node) {
        if (only && t != only)
            continue;
        if (w->write && !allowed)
            error = -EPERM;
        else if (w->write && !may_be_nice(t, w->set))
            error = -EACCES;
        else if (w->write)
            t->nice = w->set;
        w->best = MIN(w->best, t->nice);
    }
    spin_unlock(&p->lock);
    if (error)
        w->error = error;
}

static int visit_member(struct process *p, void *w)
{
    visit(p, NULL, w);
    return 0;
}

static s64 walk_priority(int which, int who, struct nice_walk *w)
{
    struct process *p;
    struct thread *t;
    u32 pid = 1;

    w->best = NICE_MAX;
    switch (which) {
    case 0: /* PRIO_PROCESS: a thread, setpriority(2), C library/kernel differences */
        t = target(who);
        if (t) {
            visit(t->proc, t, w);
            object_unref(&t->obj);
        }
        break;
    case 1: /* PRIO_PGRP */
        process_for_group(who ? (u32)who : process_group_id(process_current()), visit_member, w);
        break;
    case 2: /* PRIO_USER */
        for (; (p = process_next(&pid)); pid++) {
            if (p->uid == (who ? (u32)who : process_current()->uid))
                visit(p, NULL, w);
            object_unref(&p->obj);
        }
        break;
    default:
        return -EINVAL;
    }
    return w->any ? w->error : -ESRCH;
}

s64 sys_getpriority(int which, int who)
{
    struct nice_walk w = { .write = false };
    s64 r = walk_priority(which, who, &w);

    return r ? r : 20 - w.best;
}

s64 sys_setpriority(int which, int who, int nice)
{
    struct nice_walk w = { .write = true, .set = MAX(NICE_MIN, MIN(nice, NICE_MAX)) };

    return walk_priority(which, who, &w);
}
