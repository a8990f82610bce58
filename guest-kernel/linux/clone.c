/* SPDX-License-Identifier: Apache-2.0 */
/* fork, vfork, clone, clone3, unshare: new threads and processes out of the calling one. */
#include "arch/context.h"
#include "core/string.h"
#include "fs/cred.h"
#include "fs/path.h"
#include "linux/abi_struct.h"
#include "linux/credentials.h"
#include "linux/pidfd.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "mm/usercopy.h"
#include "object/process.h"
#include "sched/sched.h"

#include <linux/sched.h>

#define CLONE_CLEAR_SIGHAND_ UINT64_C(0x100000000)
#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |              \
                        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND)

struct clone_request {
    u64 flags, stack, parent_tid, child_tid, tls, pidfd;
    int exit_signal;
};

static void child_entry(void *arg UNUSED)
{
    arch_enter_user(current()->regs);
}

static int check(const struct clone_request *c)
{
    u64 f = c->flags;

    if (((f & CLONE_THREAD) && !(f & CLONE_SIGHAND)) || ((f & CLONE_SIGHAND) && !(f & CLONE_VM)) ||
        ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND_)))
        return -EINVAL;
    if (f & NEW_NAMESPACES)
        return (f & CLONE_FS) && (f & CLONE_NEWNS) ? -EINVAL : -EPERM;
    /* A thread of ours is its process's in every respect. */
    if ((f & CLONE_THREAD) && (f & THREAD_FLAGS) != THREAD_FLAGS)
        return -EINVAL;
    /* clone(2): a pidfd is for a process, and with the old call in the place of the number. */
    if ((f & CLONE_PIDFD) && ((f & (CLONE_THREAD | CLONE_DETACHED)) ||
                              ((f & CLONE_PARENT_SETTID) && c->pidfd == c->parent_tid)))
        return -EINVAL;
    if ((f & CLONE_PARENT) && process_current()->is_init)
        return -EINVAL;
    if (c->exit_signal < 0 || c->exit_signal > SIG_COUNT)
        return -EINVAL;
    if ((f & CLONE_SETTLS) && !arch_user_address_ok(c->tls))
        return -EPERM;
    return 0;
}

/* What the new process shares with the old one, or copies. */
static int share(struct process *child, struct process *p, u64 flags)
{
    struct sigactions *a;

    if (flags & CLONE_VM) {
        aspace_ref(p->aspace);
        child->aspace = p->aspace;
    } else {
        child->aspace = aspace_fork(p->aspace);
    }
    if (flags & CLONE_FILES) {
        handle_table_ref(p->handles);
        child->handles = p->handles;
    } else {
        child->handles = handle_table_clone(p->handles);
    }
    if (flags & CLONE_FS) {
        int r = fs_context_share(p->fs);

        if (r)
            return r;
        child->fs = p->fs;
    } else {
        child->fs = fs_context_copy(p->fs);
    }
    if (flags & CLONE_SIGHAND) {
        sigactions_ref(p->actions);
        child->actions = p->actions;
    } else {
        spin_lock(&p->actions->lock);
        a = sigactions_create(p->actions);
        spin_unlock(&p->actions->lock);
        child->actions = a;
        if (a && (flags & CLONE_CLEAR_SIGHAND_))
            sigactions_reset(a);
    }
    spin_lock(&p->lock);
    child->cred = cred_copy(p->cred, p->cred->ngroups);
    child->exe = p->exe;
    if (child->exe)
        object_ref(child->exe);
    spin_unlock(&p->lock);
    return child->aspace && child->handles && child->fs && child->actions && child->cred ? 0
                                                                                         : -ENOMEM;
}

/* Ring-3 state of the new thread. */
static int prepare_thread(struct thread *t, const struct clone_request *c)
{
    struct thread *me = current();

    *t->regs = *me->regs;
    t->regs->rax = 0;
    t->regs->vector = 0; /* no restart of the call in the child */
    if (c->stack)
        t->regs->rsp = c->stack;
    if (arch_clone_state(t))
        return -ENOMEM;
    if (c->flags & CLONE_SETTLS)
        arch_child_set_fs_base(t, c->tls);
    sigstate_init(&t->sig);
    t->sig.blocked = me->sig.blocked;
    if ((c->flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
        t->sig.alt = me->sig.alt;
    if (c->flags & CLONE_CHILD_CLEARTID)
        t->clear_child_tid = c->child_tid;
    t->affinity = me->affinity;
    t->nice = me->reset_on_fork ? MAX(me->nice, 0) : me->nice;
    t->policy = me->policy;
    return 0;
}

/* The number for those who asked. Linux ignores failures here, too. */
static void tell_tid(struct thread *t, const struct clone_request *c)
{
    u32 tid = t->tid;

    if ((c->flags & CLONE_CHILD_SETTID) &&
        aspace_write(t->proc->aspace, c->child_tid, &tid, sizeof(tid)) != sizeof(tid))
        return;
    if ((c->flags & CLONE_PARENT_SETTID) && copy_to_user(c->parent_tid, &tid, sizeof(tid)))
        return;
}

/* Only the child's execve or end, or our own end, gets a parent out of vfork. */
static void wait_for_vfork(struct process *child, struct event *done)
{
    object_wait(&done->obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_KILLABLE);
    /* Who sets the event holds the lock: after this it is not touched any more. */
    spin_lock(&child->lock);
    child->vfork_done = NULL;
    spin_unlock(&child->lock);
}

static s64 clone_thread(const struct clone_request *c)
{
    struct thread *me = current(), *t = thread_create(me->proc, me->name, child_entry, NULL);
    int r;
    s64 tid = 0;

    if (!t)
        return -EAGAIN;
    r = prepare_thread(t, c);
    if (r == 0)
        r = process_add_thread(me->proc, t);
    if (r == 0) {
        tid = t->tid;
        tell_tid(t, c);
        thread_start(t);
    }
    object_unref(&t->obj);
    return r ? r : tid;
}

static s64 clone_process(const struct clone_request *c)
{
    struct thread *me = current(), *t = NULL;
    struct process *child = process_create(me->proc);
    struct file *pidfd = NULL;
    struct event done;
    s64 pid = 0;
    int r = -ENOMEM, fd;

    if (!child)
        return -ENOMEM;
    child->exit_signal = c->flags & CLONE_PARENT ? me->proc->exit_signal : c->exit_signal;
    r = share(child, me->proc, c->flags);
    if (r)
        goto out;
    r = -EAGAIN;
    t = thread_create(child, me->name, child_entry, NULL);
    if (!t)
        goto out;
    r = prepare_thread(t, c);
    if (r)
        goto out;
    if (c->flags & CLONE_VFORK) {
        event_init(&done);
        child->vfork_done = &done;
    }
    if (c->flags & CLONE_PIDFD) {
        r = pidfd_reserve(c->pidfd, &pidfd, &fd);
        if (r)
            goto out;
    }
    r = process_publish(child, t, c->flags & CLONE_PARENT);
    if (r) {
        if (pidfd)
            pidfd_give_up(pidfd, fd);
        goto out;
    }
    if (pidfd)
        pidfd_attach(pidfd, child);
    pid = child->pid;
    tell_tid(t, c);
    thread_start(t);
    if (c->flags & CLONE_VFORK)
        wait_for_vfork(child, &done);
out:
    if (t)
        object_unref(&t->obj);
    object_unref(&child->obj);
    return r ? r : pid;
}

static s64 do_clone(const struct clone_request *c)
{
    int r = check(c);

    if (r)
        return r;
    if (cred_nproc_exceeded(1))
        return -EAGAIN;
    return c->flags & CLONE_THREAD ? clone_thread(c) : clone_process(c);
}

s64 sys_fork(void)
{
    return do_clone(&(struct clone_request){ .exit_signal = SIGCHLD });
}

s64 sys_vfork(void)
{
    return do_clone(&(struct clone_request){ .flags = CLONE_VM | CLONE_VFORK,
                                             .exit_signal = SIGCHLD });
}

s64 sys_clone(u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls)
{
    struct clone_request c = {
        .flags = (u32)flags & ~(u64)CSIGNAL, .stack = stack, .parent_tid = parent_tid,
        .child_tid = child_tid, .tls = tls, .pidfd = parent_tid,
        .exit_signal = (int)(flags & CSIGNAL),
    };

    return do_clone(&c);
}

s64 sys_clone3(u64 uargs, u64 size)
{
    struct {
        u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        u64 set_tid, set_tid_size, cgroup;
    } a;
    struct clone_request c;
    int r;

    if (size < 64)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    r = struct_from_user(&a, sizeof(a), uargs, size);
    if (r)
        return r;
    if ((a.flags & CSIGNAL) || a.exit_signal > SIG_COUNT || a.set_tid_size || a.set_tid ||
        (a.flags >> 33) || (a.flags & CLONE_DETACHED) || !a.stack != !a.stack_size)
        return -EINVAL;
    if ((a.flags & (CLONE_THREAD | CLONE_PARENT)) && a.exit_signal)
        return -EINVAL;
    c = (struct clone_request){
        .flags = a.flags, .stack = a.stack ? a.stack + a.stack_size : 0,
        .parent_tid = a.parent_tid, .child_tid = a.child_tid, .tls = a.tls, .pidfd = a.pidfd,
        .exit_signal = (int)a.exit_signal,
    };
    return do_clone(&c);
}

/*
 * What threads share cannot be taken apart; a single thread can leave what it shares with
 * processes.
 */
s64 sys_unshare(u64 flags)
{
    struct process *p = process_current();

    if (flags & NEW_NAMESPACES)
        return -EPERM;
    if (flags & ~(u64)(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_THREAD | CLONE_SIGHAND |
                       CLONE_VM))
        return -EINVAL;
    if (p->nthreads > 1 && flags)
        return -EINVAL;
    if ((flags & CLONE_FILES) && handle_table_shared(p->handles)) {
        struct handle_table *own = handle_table_clone(p->handles), *old = p->handles;

        if (!own)
            return -ENOMEM;
        spin_lock(&p->lock); /* procfs may be looking */
        p->handles = own;
        spin_unlock(&p->lock);
        handle_table_unref(old);
    }
    if (flags & CLONE_FS) {
        struct fs_context *own = fs_context_copy(p->fs), *old = p->fs;

        if (!own)
            return -ENOMEM;
        spin_lock(&p->lock);
        p->fs = own;
        spin_unlock(&p->lock);
        fs_context_leave(old);
    }
    return 0;
}
