/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: sending, masks, actions, waiting. Frames and the alternate stack are in sigframe.c. */
#include "core/string.h"
#include "core/time.h"
#include "linux/abi_time.h"
#include "linux/credentials.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "mm/usercopy.h"
#include "object/process.h"

#define SIG_BLOCK_ 0
#define SIG_UNBLOCK_ 1
#define SIG_SETMASK_ 2

s64 sys_rt_sigaction(int signo, u64 new, u64 old, u64 size)
{
    struct sig_action act, prev;
    int r;

    if (size != sizeof(u64))
        return -EINVAL;
    if (new && copy_from_user(&act, new, sizeof(act)))
        return -EFAULT;
    r = signal_action(signo, new ? &act : NULL, &prev);
    if (r)
        return r;
    return old && copy_to_user(old, &prev, sizeof(prev)) ? -EFAULT : 0;
}

s64 sys_rt_sigprocmask(int how, u64 new, u64 old, u64 size)
{
    u64 set, before = current()->sig.blocked;

    if (size != sizeof(u64))
        return -EINVAL;
    if (new) {
        if (copy_from_user(&set, new, sizeof(set)))
            return -EFAULT;
        switch (how) {
        case SIG_BLOCK_:
            set |= before;
            break;
        case SIG_UNBLOCK_:
            set = before & ~set;
            break;
        case SIG_SETMASK_:
            break;
        default:
            return -EINVAL;
        }
        signal_set_mask(set);
    }
    return old && copy_to_user(old, &before, sizeof(before)) ? -EFAULT : 0;
}

s64 sys_rt_sigpending(u64 set, u64 size)
{
    struct thread *t = current();
    u64 pending;

    if (size > sizeof(u64))
        return -EINVAL;
    pending = (READ_ONCE(t->sig.pending.set) | READ_ONCE(t->proc->pending.set)) & t->sig.blocked;
    return copy_to_user(set, &pending, size) ? -EFAULT : 0;
}

static int put_info(u64 to, const struct sig_info *info)
{
    if (copy_to_user(to, info, sizeof(*info)) ||
        clear_user(to + sizeof(*info), SIG_INFO_ABI_SIZE - sizeof(*info)))
        return -EFAULT;
    return 0;
}

s64 sys_rt_sigtimedwait(u64 set, u64 uinfo, u64 timeout, u64 size)
{
    u64 wanted, ns, deadline = DEADLINE_NEVER;
    struct sig_info info;
    int r;

    if (size != sizeof(u64))
        return -EINVAL;
    if (copy_from_user(&wanted, set, sizeof(wanted)))
        return -EFAULT;
    if (timeout) {
        r = get_timespec_ns(timeout, &ns);
        if (r)
            return r;
        deadline = ns ? deadline_after(ns) : 0;
    }
    r = signal_wait(wanted, deadline, &info);
    if (r > 0 && uinfo && put_info(uinfo, &info))
        return -EFAULT;
    return r;
}

s64 sys_rt_sigsuspend(u64 set, u64 size)
{
    u64 mask;

    if (size != sizeof(u64))
        return -EINVAL;
    if (copy_from_user(&mask, set, sizeof(mask)))
        return -EFAULT;
    signal_set_mask_temporarily(mask);
    while (!signal_is_pending() && !(READ_ONCE(current()->work) & WORK_EXIT))
        if (object_wait_many(NULL, 0, DEADLINE_NEVER, WAIT_INTERRUPTIBLE) == -EINTR)
            break;
    return -ERESTART_NOHAND;
}

s64 sys_pause(void)
{
    object_wait_many(NULL, 0, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
    return -ERESTART_NOHAND;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* kill(2)'s permission: ids match, or CAP_KILL; SIGCONT within the session. */
static bool may_signal(struct process *p, int signo)
{
    return cred_may_signal(p) ||
           (signo == SIGCONT && process_session_id(p) == process_session_id(process_current()));
}

static s64 send_to_process(struct process *p, int signo, const struct sig_info *info)
{
    if (!may_signal(p, signo))
        return -EPERM;
    return signo ? signal_send_process(p, info, 0) : 0;
}

struct group_send {
    const struct sig_info *info;
    int signo;
    bool any;  /* somebody was there */
    bool done; /* somebody was allowed */
};

/* With the tree lock held: sessions are compared directly. */
static int send_to_member(struct process *p, void *arg)
{
    struct group_send *g = arg;

    g->any = true;
    if (!cred_may_signal(p) &&
        !(g->signo == SIGCONT && p->session == process_current()->session))
        return 0;
    g->done = true;
    if (g->signo)
        signal_send_process(p, g->info, 0);
    return 0;
}

static s64 kill_all(int signo, const struct sig_info *info)
{
    struct process *p;
    bool any = false, done = false;
    s64 r;

    for (u32 pid = 2; (p = process_next(&pid)); pid++) {
        if (p != process_current() && p->pid != 1) {
            any = true;
            r = send_to_process(p, signo, info);
            done |= r != -EPERM;
        }
        object_unref(&p->obj);
    }
    return !any ? -ESRCH : done ? 0 : -EPERM;
}

s64 sys_kill(int pid, int signo)
{
    struct group_send g = { .signo = signo };
    struct sig_info info;
    struct process *p;
    s64 r;

    if (signo < 0 || signo > SIG_COUNT)
        return -EINVAL;
    sig_info_user(&info, signo, SIC_USER);
    if (pid == -1)
        return kill_all(signo, &info);
    if (pid > 0) {
        p = process_find((u32)pid);
        if (!p) {
            struct thread *t = thread_find((u32)pid); /* kill(2) takes any thread's number */

            if (!t)
                return -ESRCH;
            r = send_to_process(t->proc, signo, &info);
            object_unref(&t->obj);
            return r;
        }
        r = send_to_process(p, signo, &info);
        object_unref(&p->obj);
        return r;
    }
    if (pid == INT32_MIN)
        return -ESRCH;
    g.info = &info;
    process_for_group(pid ? (u32)-pid : process_group_id(process_current()), send_to_member, &g);
    return !g.any ? -ESRCH : g.done ? 0 : -EPERM;
}

static s64 send_to_thread(int tgid, int tid, int signo, const struct sig_info *info)
{
    struct thread *t;
    s64 r;

    if (tid <= 0 || signo < 0 || signo > SIG_COUNT)
        return -EINVAL;
    t = thread_find((u32)tid);
    if (!t)
        return -ESRCH;
    if (tgid && t->proc->pid != (u32)tgid)
        r = -ESRCH;
    else if (!may_signal(t->proc, signo))
        r = -EPERM;
    else
        r = signo ? signal_send_thread(t, info, 0) : 0;
    object_unref(&t->obj);
    return r;
}

s64 sys_tkill(int tid, int signo)
{
    struct sig_info info;

    sig_info_user(&info, signo, SIC_TKILL);
    return send_to_thread(0, tid, signo, &info);
}

s64 sys_tgkill(int tgid, int tid, int signo)
{
    struct sig_info info;

    if (tgid <= 0)
        return -EINVAL;
    sig_info_user(&info, signo, SIC_TKILL);
    return send_to_thread(tgid, tid, signo, &info);
}

s64 signal_pidfd(struct process *p, int signo, u64 uinfo)
{
    struct sig_info info;

    if (uinfo) {
        if (copy_from_user(&info, uinfo, sizeof(info)))
            return -EFAULT;
        if (info.signo != signo)
            return -EINVAL;
        if ((info.code >= 0 || info.code == SIC_TKILL) && p != process_current())
            return -EPERM;
    } else {
        sig_info_user(&info, signo, SIC_USER);
    }
    if (signo < 0 || signo > SIG_COUNT)
        return -EINVAL;
    return READ_ONCE(p->state) == PROCESS_REAPED ? -ESRCH : send_to_process(p, signo, &info);
}

/* Codes of the kernel and of kill may only be claimed towards oneself. */
static s64 get_info(u64 from, int signo, int to, struct sig_info *info)
{
    if (copy_from_user(info, from, sizeof(*info)))
        return -EFAULT;
    info->signo = signo;
    if ((info->code >= 0 || info->code == SIC_TKILL) && (u32)to != process_current()->pid)
        return -EPERM;
    return 0;
}

s64 sys_rt_sigqueueinfo(int pid, int signo, u64 uinfo)
{
    struct sig_info info;
    struct process *p;
    s64 r = get_info(uinfo, signo, pid, &info);

    if (r)
        return r;
    if (signo < 0 || signo > SIG_COUNT)
        return -EINVAL;
    p = pid > 0 ? process_find((u32)pid) : NULL;
    if (!p)
        return -ESRCH;
    r = send_to_process(p, signo, &info);
    object_unref(&p->obj);
    return r;
}

s64 sys_rt_tgsigqueueinfo(int tgid, int tid, int signo, u64 uinfo)
{
    struct sig_info info;
    s64 r;

    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    r = get_info(uinfo, signo, tgid, &info);
    return r ? r : send_to_thread(tgid, tid, signo, &info);
}
