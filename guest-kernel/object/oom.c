/* SPDX-License-Identifier: Apache-2.0 */
/* The end of memory: see oom.h. */
#include "object/oom.h"

#include "core/print.h"
#include "core/time.h"
#include "mm/aspace.h"
#include "mm/frame.h"
#include "object/process.h"

#define PATIENCE (10 * NSEC_PER_SEC) /* for one that was killed to end: much where ring 0 is emulated */

static u64 kills; /* atomic */

static s64 total_pages(void)
{
    struct frame_stats m;

    frame_get_stats(&m);
    return (s64)MAX(m.limit >> PAGE_SHIFT, UINT64_C(1000));
}

/*
 * Pages in memory, with oom_score_adj in thousandths of all memory, as on Linux. INT64_MIN: it is not to be
 * killed, or has nothing. process.lock held.
 */
static s64 badness(const struct process *p, s64 total)
{
    if (!p->nthreads || !p->aspace || p->oom_score_adj == OOM_ADJ_MIN)
        return INT64_MIN;
    return (s64)aspace_pages(p->aspace) + p->oom_score_adj * (total / 1000);
}

u32 oom_score(struct process *p)
{
    s64 total = total_pages(), points;

    spin_lock(&p->lock);
    points = badness(p, total);
    spin_unlock(&p->lock);
    return points == INT64_MIN ? 0 : (u32)MAX((1000 + points * 1000 / total) * 2 / 3, INT64_C(0));
}

u64 oom_kills(void)
{
    return __atomic_load_n(&kills, __ATOMIC_RELAXED);
}

/* The one to go, with a reference. One that is on its way out already is as good: *dying. */
static struct process *choose(bool *dying)
{
    s64 total = total_pages(), most = INT64_MIN;
    struct process *best = NULL, *p;
    u32 pid = 1;

    *dying = false;
    for (; (p = process_next(&pid)); pid++) {
        bool ends;
        s64 points;

        spin_lock(&p->lock);
        points = badness(p, total);
        ends = READ_ONCE(p->state) == PROCESS_ALIVE && (p->group_exit || !p->nthreads);
        spin_unlock(&p->lock);
        if (!ends && points <= most) {
            object_unref(&p->obj);
            continue;
        }
        if (best)
            object_unref(&best->obj);
        best = p;
        most = points;
        if (ends) {
            *dying = true;
            break;
        }
    }
    return best;
}

static void kill_it(struct process *p)
{
    struct thread *t;
    u64 pages = 0;
    char name[16] = "";
    s32 adj;

    spin_lock(&p->lock);
    adj = p->oom_score_adj;
    if (p->nthreads && p->aspace)
        pages = aspace_pages(p->aspace);
    list_for_each(t, &p->threads, proc_node)
        if (!name[0] || t->tid == p->pid)
            str_printf(name, sizeof(name), "%s", t->name);
    process_group_exit_locked(p, SIGKILL);
    spin_unlock(&p->lock);
    __atomic_fetch_add(&kills, 1, __ATOMIC_RELAXED);
    log_error("out of memory: process %u (%s) is killed: %lu kB in memory, oom_score_adj %d", p->pid,
              name, pages << (PAGE_SHIFT - 10), adj);
}

bool oom_kill(void)
{
    struct process *me = process_current(), *victim;
    bool dying;

    if (READ_ONCE(me->group_exit))
        return false;
    victim = choose(&dying);
    if (!victim) { /* nobody may be killed: whoever needs the memory cannot go on */
        kill_it(me);
        return false;
    }
    if (!dying)
        kill_it(victim);
    /* If it does not get to its end, it may be waiting for something that this very thread holds. */
    if (victim != me &&
        object_wait(&victim->obj, SIG_TERMINATED, time_mono() + PATIENCE, WAIT_KILLABLE) &&
        READ_ONCE(victim->aspace) && !READ_ONCE(me->group_exit))
        kill_it(me);
    object_unref(&victim->obj);
    return !READ_ONCE(me->group_exit);
}
