/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: signals and observers; see object.h. */
#include "object/object.h"

#include "core/print.h"
#include "object/thread.h"

static u64 last_koid;

void object_init(struct object *o, const struct object_ops *ops, u32 signals)
{
    o->ops = ops;
    o->refs = 1;
    o->signals = signals;
    o->koid = __atomic_add_fetch(&last_koid, 1, __ATOMIC_RELAXED);
    spin_init(&o->lock, RANK_OBJECT);
    list_init(&o->observers);
}

bool object_tryref(struct object *o)
{
    return refs_try_get(&o->refs);
}

void object_destroy(struct object *o)
{
    spin_lock(&o->lock);
    while (!list_empty(&o->observers)) {
        struct observer *ob = list_first(&o->observers, struct observer, node);

        list_del(&ob->node);
        ob->fire(ob, 0, NULL);
    }
    spin_unlock(&o->lock);
    ASSERT(o->ops && o->ops->destroy);
    o->ops->destroy(o);
}

/* Tell those who wait for one of the signals set. Lock held. */
static void fire_all(struct object *o, u32 set, struct pulse **later)
{
    bool one_suffices = !(set & ~(SIG_READABLE | SIG_WRITABLE)), taken = false;
    struct observer *ob, *tmp;

    list_for_each_safe(ob, tmp, &o->observers, node) {
        if (!(ob->mask & set) || (ob->exclusive && taken))
            continue;
        if (ob->fire(ob, (o->signals | set) & ob->mask, later) && ob->exclusive)
            taken = one_suffices;
    }
}

void pulse_later(struct pulse *p, struct pulse **later)
{
    if (__atomic_exchange_n(&p->queued, 1, __ATOMIC_SEQ_CST))
        return;
    __atomic_fetch_add(&p->busy, 1, __ATOMIC_RELAXED);
    p->next = *later;
    *later = p;
}

void pulse_all(struct pulse *list)
{
    struct pulse *p, *later = list;

    while ((p = later)) {
        later = p->next;

        /* From here on a new event queues it again: this turn may come too early for it. */
        __atomic_exchange_n(&p->queued, 0, __ATOMIC_SEQ_CST);
        object_fire(p->obj, p->signals, &later);
        __atomic_fetch_sub(&p->busy, 1, __ATOMIC_RELEASE);
    }
}

void object_fire(struct object *o, u32 set, struct pulse **later)
{
    spin_lock(&o->lock);
    fire_all(o, set, later);
    spin_unlock(&o->lock);
}

void object_signal(struct object *o, u32 clear, u32 set)
{
    struct pulse *later = NULL;
    u32 old, now;

    spin_lock(&o->lock);
    old = o->signals;
    now = (old & ~clear) | set;
    if (now != old) {
        WRITE_ONCE(o->signals, now);
        if (now & ~old)
            fire_all(o, now & ~old, &later);
    }
    spin_unlock(&o->lock);
    if (unlikely(later))
        pulse_all(later);
}

void object_signal_sync(struct object *o, u32 clear, u32 set)
{
    current()->waking_sync = true;
    object_signal(o, clear, set);
    current()->waking_sync = false;
}

void object_pulse(struct object *o, u32 set)
{
    struct pulse *later = NULL;

    spin_lock(&o->lock);
    WRITE_ONCE(o->signals, o->signals | set);
    fire_all(o, set, &later);
    spin_unlock(&o->lock);
    if (unlikely(later))
        pulse_all(later);
}

u32 object_observe(struct object *o, struct observer *ob)
{
    u32 now;

    spin_lock(&o->lock);
    ob->obj = o;
    list_add_tail(&o->observers, &ob->node);
    now = o->signals & (ob->mask | SIG_ASK);
    spin_unlock(&o->lock);
    return now;
}

void object_unobserve(struct observer *ob)
{
    struct object *o = ob->obj;

    spin_lock(&o->lock);
    list_del(&ob->node);
    spin_unlock(&o->lock);
}
