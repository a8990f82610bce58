/* SPDX-License-Identifier: Apache-2.0 */
/* Sending signals: actions, queues, and who is woken. Receiving is in signal_take.c. */
#include "object/signal.h"

#include "core/refs.h"
#include "core/string.h"
#include "mm/slab.h"
#include "object/process.h"
#include "object/signal_impl.h"

#define RLIMIT_SIGPENDING_ 11

/* --- actions ---------------------------------------------------------------------------------- */

struct sigactions *sigactions_create(const struct sigactions *from)
{
    struct sigactions *a = kzalloc(sizeof(*a));

    if (!a)
        return NULL;
    a->refs = 1;
    spin_init(&a->lock, RANK_PROCESS + 2);
    if (from)
        memcpy(a->act, from->act, sizeof(a->act));
    return a;
}

void sigactions_ref(struct sigactions *a)
{
    refs_get(&a->refs);
}

void sigactions_unref(struct sigactions *a)
{
    if (a && refs_put(&a->refs))
        kfree(a);
}

void sigactions_reset(struct sigactions *a)
{
    spin_lock(&a->lock);
    for (u32 i = 0; i < SIG_COUNT; i++) {
        u64 h = a->act[i].handler;

        memset(&a->act[i], 0, sizeof(a->act[i]));
        if (h == SIGH_IGN)
            a->act[i].handler = SIGH_IGN;
    }
    spin_unlock(&a->lock);
}

int signal_action(int signo, const struct sig_action *new, struct sig_action *old)
{
    struct process *p = process_current();
    struct sigactions *a = p->actions;

    if (signo < 1 || signo > SIG_COUNT || (new && (SIGSET_UNBLOCKABLE & SIGBIT(signo))))
        return -EINVAL;
    spin_lock(&p->lock);
    spin_lock(&a->lock);
    if (old)
        *old = a->act[signo - 1];
    if (new) {
        a->act[signo - 1] = *new;
        a->act[signo - 1].mask &= ~SIGSET_UNBLOCKABLE;
    }
    spin_unlock(&a->lock);
    /* POSIX: setting a pending signal to be ignored discards it, blocked or not. */
    if (new && (new->handler == SIGH_IGN ||
                (new->handler == SIGH_DFL && (SIGSET_IGNORED & SIGBIT(signo)))))
        sig_discard_everywhere(p, SIGBIT(signo));
    spin_unlock(&p->lock);
    return 0;
}

/* --- queues ----------------------------------------------------------------------------------- */

void sig_pending_init(struct sig_pending *q)
{
    q->set = 0;
    q->count = 0;
    list_init(&q->queue);
}

void sig_entry_done(struct sig_queued *e, struct sig_info *info)
{
    struct sig_timer *t = e->timer;

    if (!t) {
        kfree(e);
        return;
    }
    t->in = NULL;
    t->taken(t, info);
}

void sig_discard(struct sig_pending *q, u64 set)
{
    struct sig_queued *e, *tmp;

    if (!(q->set & set))
        return;
    list_for_each_safe(e, tmp, &q->queue, node) {
        if (SIGBIT(e->info.signo) & set) {
            list_del(&e->node);
            q->count--;
            sig_entry_done(e, NULL);
        }
    }
    q->set &= ~set;
}

void sig_pending_clear(struct sig_pending *q)
{
    sig_discard(q, UINT64_MAX);
}

void sig_discard_everywhere(struct process *p, u64 set)
{
    struct thread *t;

    sig_discard(&p->pending, set);
    list_for_each(t, &p->threads, proc_node)
        sig_discard(&t->sig.pending, set);
    sig_watches_update(p);
}

void sig_watches_update(struct process *p)
{
    u64 pending = p->pending.set;
    struct sig_watch *w;
    struct thread *t;

    if (likely(list_empty(&p->sig_watches)))
        return;
    list_for_each(t, &p->threads, proc_node)
        pending |= t->sig.pending.set;
    list_for_each(w, &p->sig_watches, node)
        object_signal(w->shown_on, pending & w->set ? 0 : SIG_READABLE,
                      pending & w->set ? SIG_READABLE : 0);
}

void sigstate_init(struct sigstate *s)
{
    memset(s, 0, sizeof(*s));
    sig_pending_init(&s->pending);
    s->alt.flags = 2; /* SS_DISABLE */
}

static int enqueue(struct process *p, struct sig_pending *q, const struct sig_info *info,
                   struct sig_timer *timer)
{
    struct sig_queued *e = timer ? timer->entry : NULL;
    bool real_time = info->signo >= SIGRTMIN;

    if (!e && (!real_time || q->count < p->rlimits[RLIMIT_SIGPENDING_].cur))
        e = kmalloc(sizeof(*e));
    /* kill(2) of a real-time signal that finds no room still sets the bit; sigqueue(2) fails. */
    if (!e && real_time && info->code != SIC_USER)
        return -EAGAIN;
    if (e) {
        e->info = *info;
        e->timer = timer;
        if (timer)
            timer->in = q;
        list_add_tail(&q->queue, &e->node);
        q->count++;
    }
    q->set |= SIGBIT(info->signo);
    sig_watches_update(p);
    return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

void sig_info_user(struct sig_info *info, int signo, int code)
{
    memset(info, 0, sizeof(*info));
    info->signo = signo;
    info->code = code;
    info->kill.pid = (s32)process_current()->pid;
    info->kill.uid = process_current()->uid;
}

void sig_info_kernel(struct sig_info *info, int signo)
{
    memset(info, 0, sizeof(*info));
    info->signo = signo;
    info->code = SIC_KERNEL;
}

u64 sig_handler(struct process *p, int signo)
{
    return READ_ONCE(p->actions->act[signo - 1].handler);
}

/* pid 1 is only reached by what it has a handler for, and by force. */
static bool init_is_safe(struct process *p, int signo, u64 handler, unsigned flags)
{
    return p->is_init && handler == SIGH_DFL &&
           !((flags & SIG_FORCE_INIT) && (SIGSET_UNBLOCKABLE & SIGBIT(signo)));
}

/* Blocked signals are kept even if ignored: the action may change before they are let in. */
static bool is_ignored(struct process *p, struct thread *t, int signo, unsigned flags)
{
    u64 handler = sig_handler(p, signo);

    if (!t)
        t = list_first(&p->threads, struct thread, proc_node);
    if ((t->sig.blocked | t->sig.wait_set) & SIGBIT(signo))
        return false;
    return init_is_safe(p, signo, handler, flags) || handler == SIGH_IGN ||
           (handler == SIGH_DFL && (SIGSET_IGNORED & SIGBIT(signo)));
}

static bool lets_in(struct thread *t, int signo)
{
    return !(t->sig.blocked & SIGBIT(signo));
}

void sig_wake(struct thread *t)
{
    thread_set_work(t, WORK_SIGNAL);
    thread_interrupt(t);
}

/* The thread that is to take a signal to the process: as on Linux the first one if it can, else any. */
static struct thread *choose(struct process *p, int signo)
{
    struct thread *t, *any = NULL;

    list_for_each(t, &p->threads, proc_node) {
        if (!lets_in(t, signo))
            continue;
        if (t->tid == p->pid)
            return t;
        if (!any || t == current())
            any = t;
    }
    return any;
}

/*
 * Stop and continue signals cancel each other; SIGCONT goes on at once, whatever its action. Who stops
 * before all have stopped is told of as stopped: the parent learns of each stop.
 */
static void job_control(struct process *p, int signo)
{
    if (SIGSET_STOP & SIGBIT(signo)) {
        sig_discard_everywhere(p, SIGBIT(SIGCONT));
    } else if (signo == SIGCONT) {
        sig_discard_everywhere(p, SIGSET_STOP);
        p->stop_dequeued = false;
        if (p->stopping) {
            p->job_news = p->nstopped == p->nthreads ? SIC_CLD_CONTINUED : SIC_CLD_STOPPED;
            p->report_stop = false;
            p->report_continue = true;
            p->stopping = false;
            event_set(&p->running);
        }
    }
}

static int send(struct process *p, struct thread *t, const struct sig_info *info, unsigned flags,
                struct sig_timer *timer)
{
    int signo = info->signo, r;
    struct sig_pending *q;
    struct thread *target;

    if (!p->nthreads || p->group_exit)
        return 0;
    job_control(p, signo);
    if (is_ignored(p, t, signo, flags))
        return 0;
    q = t ? &t->sig.pending : &p->pending;
    if (signo < SIGRTMIN && (q->set & SIGBIT(signo)) && !timer)
        return 0;
    r = enqueue(p, q, info, timer);
    if (r)
        return r;
    /* signal(7): a stopped process takes nothing but SIGKILL until it goes on. */
    if (p->stopping && signo != SIGKILL)
        return 0;
    target = t ? (lets_in(t, signo) ? t : NULL) : choose(p, signo);
    if (!target)
        return 0;
    if (sig_handler(p, signo) == SIGH_DFL && !((SIGSET_IGNORED | SIGSET_STOP) & SIGBIT(signo)) &&
        !(target->sig.wait_set & SIGBIT(signo)) &&
        !init_is_safe(p, signo, SIGH_DFL, flags))
        process_group_exit_locked(p, signo);
    else
        sig_wake(target);
    return 0;
}

int signal_send_locked(struct process *p, struct thread *t, const struct sig_info *info,
                       unsigned flags)
{
    return send(p, t, info, flags, NULL);
}

int signal_send_process(struct process *p, const struct sig_info *info, unsigned flags)
{
    int r;

    spin_lock(&p->lock);
    r = signal_send_locked(p, NULL, info, flags);
    spin_unlock(&p->lock);
    return r;
}

int signal_send_thread(struct thread *t, const struct sig_info *info, unsigned flags)
{
    struct process *p = t->proc;
    int r = 0;

    if (!p)
        return -ESRCH;
    spin_lock(&p->lock);
    if (!list_empty(&t->proc_node))
        r = signal_send_locked(p, t, info, flags);
    spin_unlock(&p->lock);
    return r;
}

void signal_self(int signo)
{
    struct sig_info info;

    sig_info_user(&info, signo, SIC_USER);
    signal_send_thread(current(), &info, 0);
}

void signal_kernel(struct process *p, int signo)
{
    struct sig_info info;

    sig_info_kernel(&info, signo);
    signal_send_process(p, &info, 0);
}

static int send_one(struct process *p, void *info)
{
    signal_send_process(p, info, 0);
    return 0;
}

void signal_pgrp(u32 pgid, int signo)
{
    struct sig_info info;

    sig_info_kernel(&info, signo);
    process_for_group(pgid, send_one, &info);
}

void signal_force(const struct sig_info *info)
{
    struct thread *t = current();
    struct process *p = t->proc;
    struct sigactions *a = p->actions;
    u64 bit = SIGBIT(info->signo), handler;

    spin_lock(&p->lock);
    spin_lock(&a->lock);
    handler = a->act[info->signo - 1].handler;
    if (handler == SIGH_IGN || (t->sig.blocked & bit)) {
        a->act[info->signo - 1].handler = SIGH_DFL;
        handler = SIGH_DFL;
    }
    spin_unlock(&a->lock);
    t->sig.blocked &= ~bit;
    if (handler == SIGH_DFL) {
        process_group_exit_locked(p, info->signo);
    } else {
        sig_discard(&t->sig.pending, bit);
        enqueue(p, &t->sig.pending, info, NULL);
        thread_set_work(t, WORK_SIGNAL);
    }
    spin_unlock(&p->lock);
}

/* --- timers ----------------------------------------------------------------------------------- */

int signal_timer_init(struct sig_timer *t, void (*taken)(struct sig_timer *, struct sig_info *))
{
    t->entry = kzalloc(sizeof(*t->entry));
    t->in = NULL;
    t->taken = taken;
    return t->entry ? 0 : -ENOMEM;
}

void signal_timer_end(struct sig_timer *t)
{
    struct sig_pending *q = t->in;
    struct sig_queued *e;

    if (q) {
        int signo = t->entry->info.signo;

        list_del(&t->entry->node);
        q->count--;
        q->set &= ~SIGBIT(signo);
        list_for_each(e, &q->queue, node)
            if (e->info.signo == signo)
                q->set |= SIGBIT(signo);
    }
    kfree(t->entry);
}

void signal_timer_send(struct sig_timer *t, struct process *p, struct thread *to,
                       const struct sig_info *info)
{
    if (!to || !list_empty(&to->proc_node))
        send(p, to, info, 0, t);
}
