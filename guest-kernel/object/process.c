/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a process: birth, threads coming and going, the end. */
#include "core/hostcall.h"
#include "core/print.h"
#include "core/string.h"
#include "core/time.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "object/posix_timer.h"
#include "object/process_impl.h"
#include "object/signal_impl.h"

/* --- birth ------------------------------------------------------------------------------------ */

static void process_destroy(struct object *o)
{
    struct process *p = container_of(o, struct process, obj);

    sig_pending_clear(&p->pending);
    sigactions_unref(p->actions);
    if (p->handles)
        handle_table_unref(p->handles);
    if (p->aspace)
        aspace_unref(p->aspace);
    if (process_hooks.release)
        process_hooks.release(p);
    if (process_hooks.destroy)
        process_hooks.destroy(p);
    kfree(p);
}

static const struct object_ops process_ops = { .type = OBJ_PROCESS, .destroy = process_destroy };

struct process *process_create(struct process *parent)
{
    struct process *p = kzalloc(sizeof(*p));

    if (!p)
        return NULL;
    object_init(&p->obj, &process_ops, 0);
    spin_init(&p->lock, RANK_PROCESS + 1);
    list_init(&p->children);
    list_init(&p->sibling);
    list_init(&p->child_waiters);
    list_init(&p->group_node);
    list_init(&p->threads);
    list_init(&p->sig_watches);
    sig_pending_init(&p->pending);
    event_init(&p->alone);
    event_init(&p->running);
    event_set(&p->running);
    alarm_init(&p->alarm);
    list_init(&p->cpu_timers);
    cpu_itimer_init(&p->cpu_itimers[0], SIGVTALRM);
    cpu_itimer_init(&p->cpu_itimers[1], SIGPROF);
    INIT_ONCE(p->start_time, time_boot());
    p->dumpable = true;
    p->tty_grant = parent ? parent->tty_grant : TTY_FIRST_GRANT;
    if (parent) {
        spin_lock(&parent->lock);
        memcpy(p->rlimits, parent->rlimits, sizeof(p->rlimits));
        cputime_limit_changed(p);
        p->oom_score_adj = parent->oom_score_adj;
        p->oom_adj_min = parent->oom_adj_min;
        spin_unlock(&parent->lock);
        p->no_new_privs = parent->no_new_privs;
        p->dumpable = parent->dumpable;
        p->personality = parent->personality;
        p->uid = parent->uid;
    }
    return p;
}

void process_discard(struct process *p)
{
    object_unref(&p->obj);
}

int process_publish(struct process *p, struct thread *leader, bool sibling_of_parent)
{
    struct process *parent = process_init ? process_current() : NULL;
    struct pid *e;

    spin_lock(&process_tree_lock);
    e = pid_alloc();
    if (!e) {
        spin_unlock(&process_tree_lock);
        return -EAGAIN;
    }
    p->pid_entry = e;
    INIT_ONCE(p->pid, e->nr);
    e->proc = p;
    e->thread = leader;
    e->users = 2; /* the process, and its first thread */
    leader->tid = e->nr;
    list_add_tail(&p->threads, &leader->proc_node);
    p->nthreads = 1;
    if (!parent) {
        INIT_ONCE(p->is_init, true);
        process_init = p;
        tree_set_group(p, e);
        tree_set_session(p, e);
    } else {
        tree_set_group(p, parent->group);
        tree_set_session(p, parent->session);
        if (sibling_of_parent && parent->parent) {
            p->parent = parent->parent;
            p->parent_thread = parent->parent_thread;
        } else {
            p->parent = parent;
            p->parent_thread = current()->obj.koid;
            current()->has_children = true;
        }
        list_add_tail(&p->parent->children, &p->sibling);
    }
    object_ref(&p->obj); /* the table's, until it is waited for */
    spin_unlock(&process_tree_lock);
    return 0;
}

int process_add_thread(struct process *p, struct thread *t)
{
    struct pid *e;
    int r = -EAGAIN;

    spin_lock(&process_tree_lock);
    e = pid_alloc();
    if (e) {
        e->thread = t;
        t->tid = e->nr;
        spin_lock(&p->lock);
        if (!p->group_exit && !p->exec_thread) {
            list_add_tail(&p->threads, &t->proc_node);
            p->nthreads++;
            if (p->stopping)
                thread_set_work(t, WORK_SIGNAL);
            r = 0;
        }
        spin_unlock(&p->lock);
        if (r)
            pid_unuse(e);
    }
    spin_unlock(&process_tree_lock);
    return r;
}

/* --- the end of all threads ------------------------------------------------------------------- */

static void end_thread(struct thread *t)
{
    thread_set_work(t, WORK_EXIT);
    thread_interrupt(t);
}

void process_group_exit_locked(struct process *p, int status)
{
    struct thread *t;

    if (p->group_exit)
        return;
    p->group_exit = true;
    p->exit_code = status;
    list_for_each(t, &p->threads, proc_node)
        end_thread(t);
    p->stopping = false;
    event_set(&p->running);
}

void process_group_exit(int status)
{
    struct process *p = process_current();

    spin_lock(&p->lock);
    process_group_exit_locked(p, status);
    spin_unlock(&p->lock);
}

void process_external_signal(int signo)
{
    struct sig_info info;

    if (!process_init || signo < 1 || signo > SIG_COUNT)
        return;
    memset(&info, 0, sizeof(info));
    info.signo = signo;
    info.code = SIC_USER; /* pid and uid 0: from a namespace that is not visible here */
    signal_send_process(process_init, &info, SIG_FORCE_INIT);
}

int process_become_single(void)
{
    struct thread *me = current(), *t;
    struct process *p = me->proc;

    spin_lock(&p->lock);
    if (p->group_exit || p->exec_thread) {
        spin_unlock(&p->lock);
        return -EINTR;
    }
    if (p->nthreads > 1) {
        p->exec_thread = me;
        event_clear(&p->alone);
        list_for_each(t, &p->threads, proc_node)
            if (t != me)
                end_thread(t);
        p->stopping = false;
        event_set(&p->running);
        spin_unlock(&p->lock);
        object_wait(&p->alone.obj, SIG_SIGNALED, DEADLINE_NEVER, 0);
        spin_lock(&p->lock);
        p->exec_thread = NULL;
    }
    spin_unlock(&p->lock);
    if (me->tid != p->pid) {
        struct pid *old;

        spin_lock(&process_tree_lock);
        old = pid_get(me->tid);
        old->thread = NULL;
        pid_unuse(old);
        p->pid_entry->thread = me;
        p->pid_entry->users++;
        me->tid = p->pid;
        spin_unlock(&process_tree_lock);
    }
    return 0;
}

void process_vfork_release(struct process *p)
{
    spin_lock(&p->lock);
    if (p->vfork_done) {
        event_set(p->vfork_done);
        p->vfork_done = NULL;
    }
    spin_unlock(&p->lock);
}

/* --- the end of the process ------------------------------------------------------------------- */

static struct process *new_parent_for_children(struct process *p)
{
    for (struct process *a = p->parent; a; a = a->parent)
        if (a->subreaper && a->state == PROCESS_ALIVE && !a->group_exit)
            return a;
    return process_init;
}

/* The thread of p, which has one, that the children of an ended thread or parent go to. */
static u64 adopting_thread(struct process *p)
{
    struct thread *t;
    u64 koid = 0;

    spin_lock(&p->lock);
    if (!list_empty(&p->threads)) {
        t = list_first(&p->threads, struct thread, proc_node);
        t->has_children = true;
        koid = t->obj.koid;
    }
    spin_unlock(&p->lock);
    return koid;
}

/* prctl(2), PR_SET_PDEATHSIG: sent at the end of the thread whose child c is. */
static void send_death_signal(struct process *c)
{
    struct sig_info info;

    if (!c->death_signal)
        return;
    sig_info_user(&info, c->death_signal, SIC_USER);
    signal_send_process(c, &info, 0);
}

/* The children of a thread whose process goes on are another thread's from now on. */
static void hand_children_over(struct process *p, const struct thread *t)
{
    u64 heir = adopting_thread(p);
    struct process *c;

    list_for_each(c, &p->children, sibling) {
        if (c->parent_thread != t->obj.koid)
            continue;
        c->parent_thread = heir;
        send_death_signal(c);
    }
}

/* Children get a new parent; those that nobody will wait for come back in the list `dead`. */
static void give_children_away(struct process *p, struct list *dead)
{
    struct process *heir = new_parent_for_children(p), *c, *tmp;
    u64 thread = adopting_thread(heir);

    list_for_each_safe(c, tmp, &p->children, sibling) {
        bool reaped = false;

        list_del(&c->sibling);
        c->parent = heir;
        c->parent_thread = thread;
        list_add_tail(&heir->children, &c->sibling);
        c->exit_signal = SIGCHLD; /* whatever clone asked for: the heir waits for ordinary children */
        send_death_signal(c);
        if (c->state == PROCESS_ZOMBIE) {
            process_tell_parent_of_end(c, &reaped);
            if (reaped)
                list_add(dead, &c->sibling);
        } else {
            if (c->group != p->group && c->session == p->session)
                tree_check_orphaned(c->group, NULL);
        }
    }
}

static void release_resources(struct process *p)
{
    struct aspace *as = p->aspace;
    struct handle_table *handles = p->handles;

    posix_timers_end(p);
    alarm_end(p);
    p->handles = NULL;
    if (handles)
        handle_table_unref(handles);
    spin_lock(&p->lock);
    if (as)
        p->dead_threads.maxrss_kb = MAX(p->dead_threads.maxrss_kb,
                                        aspace_peak_pages(as) << (PAGE_SHIFT - 10));
    for (u32 i = 0; i < ARRAY_SIZE(p->cpu_itimers); i++)
        cpu_timer_disarm(&p->cpu_itimers[i].timer);
    p->aspace = NULL;
    spin_unlock(&p->lock);
    if (as) {
        aspace_switch(NULL);
        aspace_unref(as);
    }
    if (process_hooks.release)
        process_hooks.release(p);
}

static void end_process(struct process *p)
{
    struct list dead;
    bool reaped = false;

    process_vfork_release(p);
    if (p->is_init)
        hostcall(RV_HC_exit, (u64)(u32)p->exit_code, 0, 0, 0, 0, NULL);
    release_resources(p);
    if (process_hooks.session_end && p->session == p->pid_entry)
        process_hooks.session_end(p->pid);

    list_init(&dead);
    spin_lock(&process_tree_lock);
    give_children_away(p, &dead);
    p->state = PROCESS_ZOMBIE;
    /* Only a member with such a parent kept the group from being orphaned (setpgid(2)). */
    if (p->parent && p->parent->group != p->group && p->parent->session == p->session)
        tree_check_orphaned(p->group, p);
    object_signal(&p->obj, 0, SIG_TERMINATED);
    process_tell_parent_of_end(p, &reaped);
    if (reaped) {
        list_del(&p->sibling);
        list_add(&dead, &p->sibling);
    }
    spin_unlock(&process_tree_lock);
    while (!list_empty(&dead)) {
        struct process *c = list_first(&dead, struct process, sibling);

        list_del(&c->sibling);
        object_unref(&c->obj);
    }
}

void process_leave(struct thread *t)
{
    struct process *p = t->proc;
    bool last, stopped;
    struct pid *e;

    spin_lock(&process_tree_lock);
    spin_lock(&p->lock);
    list_del(&t->proc_node);
    last = --p->nthreads == 0;
    if (t->tid == p->pid && !p->group_exit)
        p->exit_code = t->exit_code;
    usage_add_thread(&p->dead_threads, t);
    if (t->tid == p->pid || !p->comm[0])
        memcpy(p->comm, t->name, sizeof(p->comm));
    sig_pending_clear(&t->sig.pending);
    sig_watches_update(p);
    if (p->nthreads == 1 && p->exec_thread)
        event_set(&p->alone);
    stopped = !last && p->stopping && sig_all_stopped(p);
    /* A signal for the process that this thread was woken for is the others' now. */
    if (!last && (p->pending.set & ~t->sig.blocked)) {
        struct thread *other;

        list_for_each(other, &p->threads, proc_node) {
            thread_set_work(other, WORK_SIGNAL);
            thread_interrupt(other);
        }
    }
    spin_unlock(&p->lock);
    if (t->has_children && !last)
        hand_children_over(p, t);
    e = pid_get(t->tid);
    e->thread = NULL;
    pid_unuse(e);
    spin_unlock(&process_tree_lock);
    if (stopped)
        process_report_job(p, SIC_CLD_STOPPED);
    if (last)
        end_process(p);
}
