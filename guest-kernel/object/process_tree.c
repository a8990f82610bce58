/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, groups and sessions: the process tree without its births and deaths. */
#include "core/radix.h"
#include "mm/aspace.h"
#include "mm/slab.h"
#include "object/process_impl.h"

struct spinlock process_tree_lock = SPINLOCK_INIT(RANK_PROCESS);
struct process *process_init;
struct process_hooks process_hooks;

static struct radix pids; /* struct pid by number */
static u32 last_pid;
static u64 forks; /* (t) */

/* --- numbers ---------------------------------------------------------------------------------- */

struct pid *pid_get(u32 nr)
{
    return nr && nr < PID_MAX ? (struct pid *)radix_get(&pids, nr) : NULL;
}

struct pid *pid_next(u32 *nr)
{
    u64 index = *nr;
    u64 word = radix_next(&pids, &index);

    *nr = (u32)index;
    return (struct pid *)word;
}

struct pid *pid_alloc(void)
{
    struct pid *e = kzalloc(sizeof(*e));

    if (!e)
        return NULL;
    list_init(&e->group);
    e->users = 1;
    for (u32 i = 0; i < PID_MAX; i++) {
        last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : 300;
        if (radix_get(&pids, last_pid))
            continue;
        e->nr = last_pid;
        if (radix_set(&pids, e->nr, (u64)e))
            break;
        forks++;
        return e;
    }
    kfree(e);
    return NULL;
}

void pid_unuse(struct pid *e)
{
    if (--e->users == 0) {
        radix_set(&pids, e->nr, 0);
        kfree(e);
    }
}

u64 process_forks(void)
{
    return READ_ONCE(forks);
}

struct process *process_find(u32 pid)
{
    struct process *p = NULL;
    struct pid *e;

    spin_lock(&process_tree_lock);
    e = pid_get(pid);
    if (e && e->proc) {
        p = e->proc;
        object_ref(&p->obj);
    }
    spin_unlock(&process_tree_lock);
    return p;
}

struct thread *thread_find(u32 tid)
{
    struct thread *t = NULL;
    struct pid *e;

    spin_lock(&process_tree_lock);
    e = pid_get(tid);
    if (e && e->thread) {
        t = e->thread;
        object_ref(&t->obj);
    }
    spin_unlock(&process_tree_lock);
    return t;
}

struct process *process_next(u32 *pid)
{
    struct process *p = NULL;
    struct pid *e;

    spin_lock(&process_tree_lock);
    for (e = pid_next(pid); e; ++*pid, e = pid_next(pid)) {
        if (e->proc) {
            p = e->proc;
            object_ref(&p->obj);
            break;
        }
    }
    spin_unlock(&process_tree_lock);
    return p;
}

/* --- groups and sessions ---------------------------------------------------------------------- */

void tree_set_group(struct process *p, struct pid *group)
{
    struct pid *old = p->group;

    if (group) {
        group->users++;
        list_del(&p->group_node);
        list_add_tail(&group->group, &p->group_node);
    } else {
        list_del(&p->group_node);
    }
    p->group = group;
    if (old)
        pid_unuse(old);
}

void tree_set_session(struct process *p, struct pid *session)
{
    struct pid *old = p->session;

    if (session)
        session->users++;
    p->session = session;
    if (old)
        pid_unuse(old);
}

bool tree_group_orphaned(struct pid *group, const struct process *without)
{
    struct process *p;

    list_for_each(p, &group->group, group_node) {
        if (p == without || p->state != PROCESS_ALIVE || !p->parent)
            continue;
        if (p->parent->group != group && p->parent->session == p->session)
            return false;
    }
    return true;
}

void tree_check_orphaned(struct pid *group, const struct process *without)
{
    struct process *p;
    bool stopped = false;
    struct sig_info info;

    if (!group || !tree_group_orphaned(group, without))
        return;
    list_for_each(p, &group->group, group_node)
        stopped |= p != without && READ_ONCE(p->stopping);
    if (!stopped)
        return;
    list_for_each(p, &group->group, group_node) {
        if (p == without)
            continue;
        sig_info_kernel(&info, SIGHUP);
        signal_send_process(p, &info, 0);
        sig_info_kernel(&info, SIGCONT);
        signal_send_process(p, &info, 0);
    }
}

bool process_group_orphaned(u32 pgid)
{
    struct pid *e;
    bool r;

    spin_lock(&process_tree_lock);
    e = pid_get(pgid);
    r = !e || tree_group_orphaned(e, NULL);
    spin_unlock(&process_tree_lock);
    return r;
}

static bool group_in_session(struct pid *group, struct pid *session)
{
    return group && !list_empty(&group->group) &&
           list_first(&group->group, struct process, group_node)->session == session;
}

bool process_group_in_session(u32 pgid, u32 sid)
{
    struct pid *session;
    bool r;

    spin_lock(&process_tree_lock);
    session = pid_get(sid);
    r = session && group_in_session(pid_get(pgid), session);
    spin_unlock(&process_tree_lock);
    return r;
}

int process_for_group(u32 pgid, int (*fn)(struct process *p, void *arg), void *arg)
{
    struct process *p;
    struct pid *e;
    int r = 0;

    spin_lock(&process_tree_lock);
    e = pid_get(pgid);
    if (e) {
        list_for_each(p, &e->group, group_node) {
            r = fn(p, arg);
            if (r)
                break;
        }
    }
    spin_unlock(&process_tree_lock);
    return r;
}

static u32 number_of(struct pid *const *field)
{
    u32 nr;

    spin_lock(&process_tree_lock);
    nr = *field ? (*field)->nr : 0;
    spin_unlock(&process_tree_lock);
    return nr;
}

u32 process_group_id(struct process *p)
{
    return number_of(&p->group);
}

u32 process_session_id(struct process *p)
{
    return number_of(&p->session);
}

u32 process_parent_pid(struct process *p)
{
    u32 nr;

    spin_lock(&process_tree_lock);
    nr = p->parent ? p->parent->pid : 0;
    spin_unlock(&process_tree_lock);
    return nr;
}

s64 process_setpgid(u32 pid, u32 pgid)
{
    struct process *me = process_current(), *p;
    struct pid *e, *group;
    s64 r = -ESRCH;

    spin_lock(&process_tree_lock);
    e = pid ? pid_get(pid) : me->pid_entry;
    p = e ? e->proc : NULL;
    if (!p || p->state == PROCESS_REAPED || (p != me && p->parent != me))
        goto out;
    r = -EPERM;
    if (p->session != me->session || p->session == p->pid_entry)
        goto out;
    r = -EACCES;
    if (p != me && p->did_exec)
        goto out;
    r = -EPERM;
    group = pgid && pgid != p->pid ? pid_get(pgid) : p->pid_entry;
    if (group != p->pid_entry && !group_in_session(group, me->session))
        goto out;
    if (group != p->group) {
        struct pid *old = p->group;

        old->users++;
        tree_set_group(p, group);
        tree_check_orphaned(old, NULL);
        pid_unuse(old);
    }
    r = 0;
out:
    spin_unlock(&process_tree_lock);
    return r;
}

static s64 number_by_pid(u32 pid, bool session)
{
    struct pid *e;
    s64 r = -ESRCH;

    spin_lock(&process_tree_lock);
    e = pid ? pid_get(pid) : process_current()->pid_entry;
    if (e && !e->proc && e->thread)
        e = e->thread->proc->pid_entry;
    if (e && e->proc && e->proc->group)
        r = session ? e->proc->session->nr : e->proc->group->nr;
    spin_unlock(&process_tree_lock);
    return r;
}

s64 process_getpgid(u32 pid)
{
    return number_by_pid(pid, false);
}

s64 process_getsid(u32 pid)
{
    return number_by_pid(pid, true);
}

s64 process_setsid(void)
{
    struct process *p = process_current();
    s64 r = -EPERM;

    spin_lock(&process_tree_lock);
    if (p->session != p->pid_entry && list_empty(&p->pid_entry->group)) {
        tree_set_group(p, p->pid_entry);
        tree_set_session(p, p->pid_entry);
        r = p->pid;
    }
    spin_unlock(&process_tree_lock);
    return r;
}

/* --- states -------------------------------------------------------------------------------------- */

char process_state_letter(struct process *p)
{
    struct thread *t;
    char letter = 'Z';

    spin_lock(&p->lock);
    list_for_each(t, &p->threads, proc_node) {
        u32 state = READ_ONCE(t->state);

        if (t->tid != p->pid)
            continue;
        letter = p->stopping && t->sig.stopped                          ? 'T'
                 : state == THREAD_RUNNING || state == THREAD_RUNNABLE ? 'R'
                                                                       : 'S';
        break;
    }
    spin_unlock(&p->lock);
    return letter;
}
