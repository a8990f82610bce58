/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving signals: masks, taking them off the queues, default actions, stopping. */
#include "core/string.h"
#include "mm/slab.h"
#include "object/process.h"
#include "object/signal_impl.h"

/* --- masks ------------------------------------------------------------------------------------ */

bool signal_is_pending(void)
{
    struct thread *t = current();

    return ((READ_ONCE(t->sig.pending.set) | READ_ONCE(t->proc->pending.set)) & ~t->sig.blocked) ||
           READ_ONCE(t->proc->group_exit);
}

/* Signals to the process that this thread no longer lets in are for the others. */
static void retarget(struct process *p, struct thread *me, u64 newly_blocked)
{
    u64 orphans = p->pending.set & newly_blocked;
    struct thread *t;

    if (!orphans)
        return;
    list_for_each(t, &p->threads, proc_node)
        if (t != me && (orphans & ~t->sig.blocked))
            sig_wake(t);
}

static void set_mask_locked(struct process *p, struct thread *t, u64 mask)
{
    u64 newly = mask & ~t->sig.blocked;

    t->sig.blocked = mask;
    if (p->nthreads > 1)
        retarget(p, t, newly);
    if ((t->sig.pending.set | p->pending.set) & ~mask)
        thread_set_work(t, WORK_SIGNAL);
}

void signal_set_mask(u64 mask)
{
    struct thread *t = current();

    mask &= ~SIGSET_UNBLOCKABLE;
    if (mask == t->sig.blocked)
        return;
    spin_lock(&t->proc->lock);
    set_mask_locked(t->proc, t, mask);
    spin_unlock(&t->proc->lock);
}

void signal_set_mask_temporarily(u64 mask)
{
    struct thread *t = current();

    t->sig.saved_blocked = t->sig.blocked;
    t->sig.restore_blocked = true;
    signal_set_mask(mask);
}

void signal_end_temporary_mask(s64 ret)
{
    struct thread *t = current();

    /* An interrupted call leaves it to the delivery, which needs both masks. */
    if (!t->sig.restore_blocked ||
        (ret == -EINTR || (ret <= -ERESTART && ret >= -ERESTART_NOHAND - 2)))
        return;
    t->sig.restore_blocked = false;
    signal_set_mask(t->sig.saved_blocked);
}

bool signal_is_shut(int signo)
{
    return (current()->sig.blocked & SIGBIT(signo)) ||
           sig_handler(process_current(), signo) == SIGH_IGN;
}

/* --- taking ----------------------------------------------------------------------------------- */

static int take_from(struct sig_pending *q, u64 set, struct sig_info *info)
{
    u64 have = q->set & set;
    struct sig_queued *e, *found = NULL;
    bool more = false;
    int signo;

    if (!have)
        return 0;
    if (have & SIGSET_SYNC)
        have &= SIGSET_SYNC;
    signo = __builtin_ctzll(have) + 1;
    list_for_each(e, &q->queue, node) {
        if (e->info.signo != signo)
            continue;
        if (found) {
            more = true;
            break;
        }
        found = e;
    }
    if (!more)
        q->set &= ~SIGBIT(signo);
    if (found) {
        *info = found->info;
        list_del(&found->node);
        q->count--;
        sig_entry_done(found, info);
    } else {
        memset(info, 0, sizeof(*info));
        info->signo = signo;
    }
    return signo;
}

static int take_locked(struct process *p, struct thread *t, u64 set, struct sig_info *info)
{
    int signo = take_from(&t->sig.pending, set, info);

    if (!signo) {
        signo = take_from(&p->pending, set, info);
        if (signo == SIGALRM)
            alarm_taken(p);
    }
    if (SIGSET_STOP & (signo ? SIGBIT(signo) : 0))
        p->stop_dequeued = true;
    if (signo)
        sig_watches_update(p);
    return signo;
}

int signal_dequeue(u64 set, struct sig_info *info)
{
    struct thread *t = current();
    int signo;

    if (!((READ_ONCE(t->sig.pending.set) | READ_ONCE(t->proc->pending.set)) & set))
        return 0;
    spin_lock(&t->proc->lock);
    signo = take_locked(t->proc, t, set, info);
    spin_unlock(&t->proc->lock);
    return signo;
}

int signal_wait(u64 set, u64 deadline, struct sig_info *info)
{
    struct thread *t = current();
    struct process *p = t->proc;
    u64 old;
    int signo, r = 0;

    set &= ~SIGSET_UNBLOCKABLE;
    spin_lock(&p->lock);
    signo = take_locked(p, t, set, info);
    if (!signo && deadline) {
        /* Let the awaited ones in, so that their sender wakes this thread. */
        old = t->sig.blocked;
        t->sig.wait_set = old & set;
        t->sig.blocked = old & ~set;
        spin_unlock(&p->lock);
        r = object_wait_many(NULL, 0, deadline, WAIT_INTERRUPTIBLE);
        spin_lock(&p->lock);
        t->sig.wait_set = 0;
        signo = take_locked(p, t, set, info);
        set_mask_locked(p, t, old);
    }
    spin_unlock(&p->lock);
    if (signo)
        return signo;
    return r == -EINTR ? -EINTR : -EAGAIN;
}

/* --- default actions -------------------------------------------------------------------------- */

bool sig_all_stopped(struct process *p)
{
    if (p->nstopped != p->nthreads)
        return false;
    p->report_stop = true;
    p->report_continue = false;
    return true;
}

/* Wait until continued or killed. Called and returns without locks. */
static void stay_stopped(struct process *p)
{
    struct thread *t = current();
    bool last;

    spin_lock(&p->lock);
    if (!p->stopping || p->group_exit) {
        spin_unlock(&p->lock);
        return;
    }
    t->sig.stopped = true;
    p->nstopped++;
    last = sig_all_stopped(p);
    spin_unlock(&p->lock);
    if (last)
        process_report_job(p, SIC_CLD_STOPPED);
    object_wait(&p->running.obj, SIG_SIGNALED, DEADLINE_NEVER, 0);
    spin_lock(&p->lock);
    t->sig.stopped = false;
    spin_unlock(&p->lock);
}

/* Tell the parent that the process goes on; whoever of its threads comes by first. */
static void tell_job_news(struct process *p)
{
    int code;

    spin_lock(&p->lock);
    code = p->job_news;
    p->job_news = 0;
    spin_unlock(&p->lock);
    if (code)
        process_report_job(p, code);
}

static void begin_stop(struct process *p, int signo)
{
    struct thread *t;

    spin_lock(&p->lock);
    /* A SIGCONT since the signal was taken wins; so does the end. */
    if (p->stop_dequeued && !p->group_exit && !p->stopping) {
        p->stopping = true;
        p->stop_signal = signo;
        p->nstopped = 0;
        event_clear(&p->running);
        /* Who has not yet left the stop before this one does not leave it. */
        list_for_each(t, &p->threads, proc_node) {
            if (t->sig.stopped)
                p->nstopped++;
            else if (t != current())
                sig_wake(t);
        }
    }
    spin_unlock(&p->lock);
}

bool signal_next(struct sig_info *info, struct sig_action *act)
{
    struct thread *t = current();
    struct process *p = t->proc;
    int signo;

    for (;;) {
        if (READ_ONCE(p->stopping))
            stay_stopped(p);
        if (READ_ONCE(p->job_news))
            tell_job_news(p);
        spin_lock(&p->lock);
        if (p->group_exit || p->stopping) {
            bool ends = p->group_exit;

            spin_unlock(&p->lock);
            if (ends)
                return false;
            continue;
        }
        signo = take_locked(p, t, ~t->sig.blocked, info);
        if (!signo) {
            spin_unlock(&p->lock);
            return false;
        }
        spin_lock(&p->actions->lock);
        *act = p->actions->act[signo - 1];
        if (act->handler > SIGH_IGN && (act->flags & SAF_RESETHAND))
            p->actions->act[signo - 1].handler = SIGH_DFL;
        spin_unlock(&p->actions->lock);
        if (act->handler > SIGH_IGN) {
            spin_unlock(&p->lock);
            return true;
        }
        if (act->handler == SIGH_DFL && !((SIGSET_IGNORED | SIGSET_STOP) & SIGBIT(signo)) &&
            !p->is_init)
            process_group_exit_locked(p, signo);
        spin_unlock(&p->lock);
        if (act->handler == SIGH_DFL && (SIGSET_STOP & SIGBIT(signo)) &&
            (signo == SIGSTOP || (!p->is_init && !process_group_orphaned(process_group_id(p)))))
            begin_stop(p, signo);
    }
}
