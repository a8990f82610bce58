/* SPDX-License-Identifier: Apache-2.0 */
/* Resources used: see usage.h. */
#include "object/usage.h"

#include "mm/aspace.h"
#include "object/process_impl.h"

void cpu_times_split(struct cpu_times *shown, u64 time, const u64 ticks[2])
{
    u64 all = ticks[0] + ticks[1], system = 0;

    if (time <= shown->user + shown->system)
        return;
    if (all) /* in two steps, because time * ticks may not fit; all and ticks are below 2^32 */
        system = time / all * ticks[1] + time % all * ticks[1] / all;
    system = MAX(system, shown->system);
    if (time - system < shown->user)
        system = time - shown->user;
    shown->user = time - system;
    shown->system = system;
}

void usage_add(struct usage *sum, const struct usage *u)
{
    sum->time += u->time;
    sum->cpu.user += u->cpu.user;
    sum->cpu.system += u->cpu.system;
    sum->minflt += u->minflt;
    sum->majflt += u->majflt;
    sum->maxrss_kb = MAX(sum->maxrss_kb, u->maxrss_kb);
    sum->nvcsw += u->nvcsw;
    sum->nivcsw += u->nivcsw;
    for (u32 k = 0; k < 2; k++) {
        sum->ticks[k] += u->ticks[k];
        sum->chars[k] += u->chars[k];
        sum->calls[k] += u->calls[k];
    }
}

void usage_add_thread(struct usage *sum, const struct thread *t)
{
    u32 ticks[2];

    thread_ticks(t, ticks);
    usage_add(sum, &(struct usage){
        .time = thread_time(t),
        .ticks = { ticks[0], ticks[1] },
        .minflt = READ_ONCE(t->minflt),
        .majflt = READ_ONCE(t->majflt),
        .nvcsw = READ_ONCE(t->nvcsw),
        .nivcsw = READ_ONCE(t->nivcsw),
        .chars = { READ_ONCE(t->io[0].chars), READ_ONCE(t->io[1].chars) },
        .calls = { READ_ONCE(t->io[0].calls), READ_ONCE(t->io[1].calls) },
    });
}

void thread_usage(struct thread *t, struct usage *u)
{
    *u = (struct usage){ 0 };
    usage_add_thread(u, t);
    cpu_times_split(&t->shown, u->time, u->ticks);
    u->cpu = t->shown;
}

void process_usage_locked(struct process *p, struct usage *u)
{
    struct thread *t;

    *u = p->dead_threads;
    list_for_each(t, &p->threads, proc_node)
        usage_add_thread(u, t);
    cpu_times_split(&p->shown, u->time, u->ticks);
    u->cpu = p->shown;
    if (p->nthreads && p->aspace)
        u->maxrss_kb = MAX(u->maxrss_kb, aspace_peak_pages(p->aspace) << (PAGE_SHIFT - 10));
}

void process_usage(struct process *p, struct usage *u)
{
    spin_lock(&p->lock);
    process_usage_locked(p, u);
    spin_unlock(&p->lock);
}
