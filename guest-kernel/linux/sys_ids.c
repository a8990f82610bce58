/* SPDX-License-Identifier: Apache-2.0 */
/* Who a process is in the tree: numbers, groups, sessions, and waiting for children. */
#include "core/string.h"
#include "linux/abi_time.h"
#include "linux/abi_usage.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#include <linux/wait.h>

s64 sys_getpid(void)
{
    return current()->proc->pid;
}

s64 sys_gettid(void)
{
    return current()->tid;
}

s64 sys_getppid(void)
{
    return process_parent_pid(process_current());
}

s64 sys_setpgid(int pid, int pgid)
{
    if (pgid < 0)
        return -EINVAL;
    return pid < 0 ? -ESRCH : process_setpgid((u32)pid, (u32)pgid);
}

s64 sys_getpgid(int pid)
{
    return pid < 0 ? -ESRCH : process_getpgid((u32)pid);
}

s64 sys_getpgrp(void)
{
    return process_getpgid(0);
}

s64 sys_getsid(int pid)
{
    return pid < 0 ? -ESRCH : process_getsid((u32)pid);
}

s64 sys_setsid(void)
{
    return process_setsid();
}

/* --- waiting ---------------------------------------------------------------------------------- */

static struct abi_rusage rusage_of(const struct usage *u)
{
    return (struct abi_rusage){
        .utime = ns_to_timeval(u->cpu.user),
        .stime = ns_to_timeval(u->cpu.system),
        .maxrss = (s64)u->maxrss_kb,
        .minflt = (s64)u->minflt,
        .majflt = (s64)u->majflt,
        .nvcsw = (s64)u->nvcsw,
        .nivcsw = (s64)u->nivcsw,
    };
}

s64 sys_getrusage(int who, u64 to)
{
    struct process *p = process_current();
    struct usage u;
    struct abi_rusage ru;

    switch (who) {
    case 0: /* RUSAGE_SELF */
        process_usage(p, &u);
        break;
    case -1: /* RUSAGE_CHILDREN */
        spin_lock(&process_tree_lock);
        u = p->children_used;
        spin_unlock(&process_tree_lock);
        break;
    case 1: /* RUSAGE_THREAD */
        spin_lock(&p->lock);
        thread_usage(current(), &u);
        spin_unlock(&p->lock);
        u.maxrss_kb = aspace_peak_pages(p->aspace) << (PAGE_SHIFT - 10);
        break;
    default:
        return -EINVAL;
    }
    ru = rusage_of(&u);
    return copy_to_user(to, &ru, sizeof(ru)) ? -EFAULT : 0;
}

s64 sys_wait4(int pid, u64 status_to, u64 options, u64 usage_to)
{
    enum wait_which which = pid == -1 ? WAIT_ANY : pid > 0 ? WAIT_PID : WAIT_GROUP;
    struct wait_result r;
    struct abi_rusage ru;
    u32 id;
    s64 n;

    if (options & ~(u64)(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    id = pid > 0 ? (u32)pid : pid == 0 ? process_group_id(process_current()) : (u32)-pid;
    n = process_wait(which, id, (u32)options | WAITF_EXITED, &r);
    if (n <= 0)
        return n;
    if (status_to && copy_to_user(status_to, &r.status, sizeof(r.status)))
        return -EFAULT;
    ru = rusage_of(&r.usage);
    return usage_to && copy_to_user(usage_to, &ru, sizeof(ru)) ? -EFAULT : (s64)r.pid;
}

/* The siginfo of waitid from the status of wait. */
static void info_of(const struct wait_result *r, struct sig_info *info)
{
    int sig = r->status & 0x7f;

    memset(info, 0, sizeof(*info));
    info->signo = SIGCHLD;
    info->child.pid = (s32)r->pid;
    info->child.uid = r->uid;
    if (r->status == 0xffff) {
        info->code = SIC_CLD_CONTINUED;
        info->child.status = SIGCONT;
    } else if (sig == 0x7f) {
        info->code = SIC_CLD_STOPPED;
        info->child.status = r->status >> 8;
    } else {
        info->code = sig ? SIC_CLD_KILLED : SIC_CLD_EXITED;
        info->child.status = sig ? sig : r->status >> 8 & 0xff;
    }
}

s64 sys_waitid(int type, int id, u64 info_to, u64 options, u64 usage_to)
{
    enum wait_which which;
    struct wait_result r;
    struct sig_info info;
    struct abi_rusage ru;
    bool nonblocking = false;
    u64 whom = (u32)id;
    s64 n;

    if ((options & ~(u64)(WNOHANG | WSTOPPED | WEXITED | WCONTINUED | WNOWAIT | __WNOTHREAD |
                          __WCLONE | __WALL)) ||
        !(options & (WSTOPPED | WEXITED | WCONTINUED)))
        return -EINVAL;
    switch (type) {
    case P_ALL:
        which = WAIT_ANY;
        break;
    case P_PID:
        if (id <= 0)
            return -EINVAL;
        which = WAIT_PID;
        break;
    case P_PGID:
        if (id < 0)
            return -EINVAL;
        if (!id)
            whom = process_group_id(process_current());
        which = WAIT_GROUP;
        break;
    case P_PIDFD:
        if (id < 0)
            return -EINVAL;
        n = pidfd_koid(id, &whom, &nonblocking);
        if (n)
            return n;
        which = WAIT_KOID;
        break;
    default:
        return -EINVAL;
    }
    n = process_wait(which, whom, (u32)options | (nonblocking ? WAITF_NOHANG : 0), &r);
    if (n == 0 && nonblocking && !(options & WNOHANG))
        return -EAGAIN;
    if (n < 0)
        return n;
    memset(&info, 0, sizeof(info));
    if (n > 0) {
        info_of(&r, &info);
        ru = rusage_of(&r.usage);
        if (usage_to && copy_to_user(usage_to, &ru, sizeof(ru)))
            return -EFAULT;
    }
    return info_to && copy_to_user(info_to, &info, sizeof(info)) ? -EFAULT : 0;
}

STATIC_ASSERT(WNOHANG == WAITF_NOHANG && WUNTRACED == WAITF_STOPPED && WEXITED == WAITF_EXITED);
STATIC_ASSERT(WCONTINUED == WAITF_CONTINUED && WNOWAIT == WAITF_NOWAIT);
STATIC_ASSERT((u32)__WCLONE == WAITF_CLONE && __WALL == WAITF_ALL);
STATIC_ASSERT(__WNOTHREAD == WAITF_NOTHREAD);
