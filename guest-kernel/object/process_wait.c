/* SPDX-License-Identifier: Apache-2.0 */
/* What a parent hears of its children, and wait4. */
#include "core/string.h"
#include "object/process_impl.h"

#define TICK_NS UINT64_C(10000000) /* 1 / USER_HZ */

void tree_wake_waiters(struct process *p)
{
    struct child_waiter *w;

    list_for_each(w, &p->child_waiters, node)
        event_set(&w->ev);
}

/* What it and the children that it waited for have used. */
static void usage_of_all(struct process *c, struct usage *u)
{
    process_usage(c, u);
    usage_add(u, &c->children_used);
}

static void child_info(struct sig_info *info, struct process *c, int signo, int code, int status)
{
    struct usage used;

    process_usage(c, &used);
    memset(info, 0, sizeof(*info));
    info->signo = signo;
    info->code = code;
    info->child.pid = (s32)c->pid;
    info->child.uid = c->uid;
    info->child.status = status;
    info->child.utime = (s64)(used.cpu.user / TICK_NS);
    info->child.stime = (s64)(used.cpu.system / TICK_NS);
}

/* Out of the tree: the caller drops the table's reference once the tree lock is released. */
void tree_reap(struct process *p)
{
    struct usage used;

    p->state = PROCESS_REAPED;
    object_signal(&p->obj, 0, SIG_HANGUP);
    if (p->parent) {
        usage_of_all(p, &used);
        usage_add(&p->parent->children_used, &used);
    }
    list_del(&p->sibling);
    p->parent = NULL;
    tree_set_group(p, NULL);
    tree_set_session(p, NULL);
    p->pid_entry->proc = NULL;
    pid_unuse(p->pid_entry);
    p->pid_entry = NULL;
}

/*
 * SIGCHLD or what clone asked for; a parent that ignores its children has them taken away at
 * once.
 */
void process_tell_parent_of_end(struct process *p, bool *reaped)
{
    struct process *parent = p->parent;
    struct sig_info info;
    struct sig_action act;
    bool send = p->exit_signal > 0;

    *reaped = false;
    if (!parent)
        return;
    if (p->exit_signal == SIGCHLD) {
        spin_lock(&parent->lock);
        if (parent->actions) {
            act = parent->actions->act[SIGCHLD - 1];
            if (act.handler == SIGH_IGN || (act.flags & SAF_NOCLDWAIT))
                *reaped = true;
            if (act.handler == SIGH_IGN)
                send = false;
        }
        spin_unlock(&parent->lock);
    }
    if (send) {
        int sig = p->exit_code & 0x7f;

        child_info(&info, p, p->exit_signal, sig ? SIC_CLD_KILLED : SIC_CLD_EXITED,
                   sig ? sig : p->exit_code >> 8 & 0xff);
        signal_send_process(parent, &info, 0);
    }
    tree_wake_waiters(parent);
    if (*reaped)
        tree_reap(p);
}

void process_report_job(struct process *p, int code)
{
    struct process *parent;
    struct sig_info info;
    struct sig_action act;
    bool quiet;

    spin_lock(&process_tree_lock);
    parent = p->parent;
    if (parent) {
        spin_lock(&parent->lock);
        act = parent->actions->act[SIGCHLD - 1];
        quiet = (act.flags & SAF_NOCLDSTOP) || act.handler == SIGH_IGN;
        spin_unlock(&parent->lock);
        if (!quiet) {
            child_info(&info, p, SIGCHLD, code,
                       code == SIC_CLD_STOPPED ? p->stop_signal : SIGCONT);
            signal_send_process(parent, &info, 0);
        }
        tree_wake_waiters(parent);
    }
    spin_unlock(&process_tree_lock);
}

/* --- wait4, waitid ---------------------------------------------------------------------------- */

static bool eligible(struct process *c, enum wait_which which, u64 id, u32 options)
{
    if (which == WAIT_KOID && c->obj.koid != id)
        return false;
    if (which == WAIT_PID && c->pid != id)
        return false;
    if (which == WAIT_GROUP && c->group->nr != id)
        return false;
    if ((options & WAITF_NOTHREAD) && c->parent_thread != current()->obj.koid)
        return false;
    return (options & WAITF_ALL) || (c->exit_signal != SIGCHLD) == !!(options & WAITF_CLONE);
}

/* Whether a child that lives has stopped or gone on; fills the status. */
static bool has_job_news(struct process *c, u32 options, struct wait_result *r)
{
    bool *told = NULL;

    spin_lock(&c->lock);
    if (c->report_stop && (options & WAITF_STOPPED)) {
        r->status = c->stop_signal << 8 | 0x7f;
        told = &c->report_stop;
    } else if (c->report_continue && (options & WAITF_CONTINUED)) {
        r->status = 0xffff;
        told = &c->report_continue;
    }
    if (told && !(options & WAITF_NOWAIT))
        *told = false;
    spin_unlock(&c->lock);
    return told;
}

/* Whether there is something to tell of c; fills r and takes note that it was told. */
static bool has_news(struct process *c, u32 options, struct wait_result *r, struct process **dead)
{
    if (c->state == PROCESS_ZOMBIE) {
        if (!(options & WAITF_EXITED))
            return false;
        r->status = c->exit_code;
    } else if (!has_job_news(c, options, r)) {
        return false;
    }
    r->pid = c->pid;
    r->uid = c->uid;
    usage_of_all(c, &r->usage);
    if (c->state == PROCESS_ZOMBIE && !(options & WAITF_NOWAIT)) {
        tree_reap(c);
        *dead = c;
    }
    return true;
}

int process_wait(enum wait_which which, u64 id, u32 options, struct wait_result *r)
{
    struct process *me = process_current(), *c, *dead = NULL;
    struct child_waiter w;
    bool interrupted = false;
    int result;

    event_init(&w.ev);
    spin_lock(&process_tree_lock);
    list_add_tail(&me->child_waiters, &w.node);
    for (;;) {
        bool any = false, told = false;

        event_clear(&w.ev);
        list_for_each(c, &me->children, sibling) {
            if (!eligible(c, which, id, options))
                continue;
            any = true;
            if (has_news(c, options, r, &dead)) {
                told = true;
                break;
            }
        }
        result = told ? 1 : !any ? -ECHILD : 0;
        if (result || (options & WAITF_NOHANG))
            break;
        if (interrupted) {
            result = -ERESTART;
            break;
        }
        spin_unlock(&process_tree_lock);
        /* After a signal, too, look once more: it may be the SIGCHLD of what is waited for. */
        interrupted = object_wait(&w.ev.obj, SIG_SIGNALED, DEADLINE_NEVER,
                                  WAIT_INTERRUPTIBLE) == -EINTR;
        spin_lock(&process_tree_lock);
    }
    list_del(&w.node);
    spin_unlock(&process_tree_lock);
    if (dead)
        object_unref(&dead->obj);
    return result;
}
