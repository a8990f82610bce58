/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of timers for each vCPU: see timer.h. */
#include "core/timer.h"

#include "arch/percpu.h"
#include "core/lock.h"
#include "core/time.h"

static struct timers {
    struct spinlock lock; /* guards the tree, cpu and armed of its timers, and the page's deadline */
    struct tree tree;
    struct timer *firing; /* atomic: whose function runs now; it may be freed only after */
} timers[RV_MAX_VCPUS] = {
    [0 ... RV_MAX_VCPUS - 1] = { .lock = SPINLOCK_INIT(RANK_TIMER) },
};

static void publish(u32 cpu)
{
    struct tree_node *first = tree_first(&timers[cpu].tree);

    WRITE_ONCE(percpu_table[cpu]->page->deadline, first ? first->key : RV_NO_DEADLINE);
}

void timer_init(struct timer *t, void (*fire)(struct timer *))
{
    t->armed = false;
    t->cpu = 0;
    t->fire = fire;
}

bool timer_disarm(struct timer *t)
{
    for (;;) {
        u32 cpu = READ_ONCE(t->cpu);
        struct timers *own = &timers[cpu];
        bool armed;

        spin_lock(&own->lock);
        if (t->cpu != cpu) {
            spin_unlock(&own->lock);
            continue;
        }
        armed = t->armed;
        if (armed) {
            tree_remove(&own->tree, &t->node);
            t->armed = false;
            publish(cpu);
        }
        spin_unlock(&own->lock);
        return armed;
    }
}

void timer_arm(struct timer *t, u64 deadline)
{
    u32 cpu = this_cpu()->index;
    struct timers *own = &timers[cpu];

    timer_disarm(t);
    spin_lock(&own->lock);
    t->cpu = cpu;
    t->node.key = deadline;
    t->armed = true;
    tree_insert(&own->tree, &t->node);
    publish(cpu);
    spin_unlock(&own->lock);
}

bool timer_cancel(struct timer *t)
{
    u32 spins = 0, cpu;

    if (timer_disarm(t))
        return true;
    cpu = READ_ONCE(t->cpu);
    if (cpu != this_cpu()->index)
        while (__atomic_load_n(&timers[cpu].firing, __ATOMIC_ACQUIRE) == t)
            spin_wait(&spins);
    return false;
}

bool timers_due(void)
{
    u64 deadline = READ_ONCE(this_cpu()->page->deadline);

    return deadline != RV_NO_DEADLINE && deadline <= time_mono();
}

void timers_run(void)
{
    u32 cpu = this_cpu()->index;
    struct timers *own = &timers[cpu];
    u64 now;

    if (READ_ONCE(this_cpu()->page->deadline) == RV_NO_DEADLINE)
        return;
    now = time_mono();
    for (;;) {
        struct tree_node *first;
        struct timer *t;

        spin_lock(&own->lock);
        first = tree_first(&own->tree);
        if (!first || first->key > now) {
            spin_unlock(&own->lock);
            return;
        }
        t = container_of(first, struct timer, node);
        tree_remove(&own->tree, first);
        t->armed = false;
        __atomic_store_n(&own->firing, t, __ATOMIC_RELEASE);
        publish(cpu);
        spin_unlock(&own->lock);
        t->fire(t);
        __atomic_store_n(&own->firing, NULL, __ATOMIC_RELEASE);
    }
}
