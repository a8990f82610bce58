/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling parameters: affinity counts, classes and niceness are kept and reported. */
#include "arch/percpu.h"
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

static bool exists(int pid)
{
    struct thread *t = target(pid);

    if (t)
        object_unref(&t->obj);
    return t != NULL;
}

s64 sys_sched_getscheduler(int pid)
{
    return pid < 0 ? -EINVAL : exists(pid) ? SCHED_NORMAL : -ESRCH;
}

s64 sys_sched_setscheduler(int pid, int policy, u64 param)
{
    s32 priority;

    if (pid < 0 || !param)
        return -EINVAL;
    if (copy_from_user(&priority, param, sizeof(priority)))
        return -EFAULT;
    if (!exists(pid))
        return -ESRCH;
    switch (policy & ~SCHED_RESET_ON_FORK) {
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return priority ? -EINVAL : 0;
    case SCHED_FIFO:
    case SCHED_RR:
        return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    default:
        return -EINVAL;
    }
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
    return sys_sched_setscheduler(pid, SCHED_NORMAL, from);
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

/* --- niceness --------------------------------------------------------------------------------- */

struct nice_walk {
    int set, best;
    bool any, write;
    s64 error;
};

static void visit(struct process *p, struct nice_walk *w)
{
    struct thread *t;
    bool allowed = p == process_current() || cred_may_change(p, CAP_SYS_NICE_);
    s64 error = 0;

    w->any = true;
    spin_lock(&p->lock);
    list_for_each(t, &p->threads, proc_node) {
        if (w->write && !allowed)
            error = -EPERM;
        else if (w->write && w->set < t->nice && !cred_capable(CAP_SYS_NICE_) &&
                 w->set < 20 - (int)MIN(p->rlimits[RLIMIT_NICE_].cur, UINT64_C(40)))
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
    visit(p, w);
    return 0;
}

static s64 walk_priority(int which, int who, struct nice_walk *w)
{
    struct process *p;
    u32 pid = 1;

    w->best = NICE_MAX;
    switch (which) {
    case 0: /* PRIO_PROCESS */
        p = process_find(who ? (u32)who : process_current()->pid);
        if (p) {
            visit(p, w);
            object_unref(&p->obj);
        }
        break;
    case 1: /* PRIO_PGRP */
        process_for_group(who ? (u32)who : process_group_id(process_current()), visit_member, w);
        break;
    case 2: /* PRIO_USER */
        for (; (p = process_next(&pid)); pid++) {
            if (p->uid == (who ? (u32)who : process_current()->uid))
                visit(p, w);
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
