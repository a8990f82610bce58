/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record locks: see reclock.h. One list for all files: locks are few, and looked at on set and
 * close only.
 */
#include "object/reclock.h"

#include "core/list.h"
#include "mm/slab.h"
#include "object/wait.h"

struct lock {
    struct list node;
    struct reclock_range r;
};

struct waiter {
    struct list node;
    const struct reclock_range *r;
    const void *blocked_by; /* owner */
    struct event ev;
};

static struct spinlock table_lock = SPINLOCK_INIT(RANK_FILE);
static struct list locks = LIST_INIT(locks), waiters = LIST_INIT(waiters);

static bool overlaps(const struct reclock_range *a, const struct reclock_range *b)
{
    return a->key == b->key && a->space == b->space && a->first <= b->last && b->first <= a->last;
}

static struct lock *conflict(const struct reclock_range *r)
{
    struct lock *l;

    list_for_each(l, &locks, node)
        if (l->r.owner != r->owner && (l->r.exclusive || r->exclusive) && overlaps(&l->r, r))
            return l;
    return NULL;
}

static void wake_all(void)
{
    struct waiter *w;

    list_for_each(w, &waiters, node)
        event_set(&w->ev);
}

/* Take the range out of the owner's locks; `spare` becomes the second half if one must be split. */
static void cut(const struct reclock_range *r, struct lock **spare)
{
    struct lock *l, *tmp;

    list_for_each_safe(l, tmp, &locks, node) {
        if (l->r.owner != r->owner || !overlaps(&l->r, r))
            continue;
        if (l->r.first < r->first && l->r.last > r->last) {
            struct lock *second = *spare;

            *spare = NULL;
            second->r = l->r;
            second->r.first = r->last + 1;
            l->r.last = r->first - 1;
            list_add(&locks, &second->node);
        } else if (l->r.first < r->first) {
            l->r.last = r->first - 1;
        } else if (l->r.last > r->last) {
            l->r.first = r->last + 1;
        } else {
            list_del(&l->node);
            kfree(l);
        }
    }
}

/* Whether the owner of `by` waits, over others, for `me`. */
static bool deadlock(const void *me, const void *by)
{
    for (u32 steps = 0; steps < 64; steps++) {
        struct waiter *w;
        const void *next = NULL;

        list_for_each(w, &waiters, node)
            if (w->r->owner == by)
                next = w->blocked_by;
        if (!next)
            return false;
        if (next == me)
            return true;
        by = next;
    }
    return false;
}

int reclock_set(const struct reclock_range *r, bool wait)
{
    struct lock *fresh = kmalloc(sizeof(*fresh)), *spare = kmalloc(sizeof(*spare)), *other;
    struct waiter w = { .r = r };
    int result = 0;

    if (!fresh || !spare) {
        kfree(fresh);
        kfree(spare);
        return -ENOMEM;
    }
    event_init(&w.ev);
    list_init(&w.node);
    spin_lock(&table_lock);
    while ((other = conflict(r))) {
        if (!wait) {
            result = -EAGAIN;
            break;
        }
        if (r->pid && deadlock(r->owner, other->r.owner)) {
            result = -EDEADLK;
            break;
        }
        w.blocked_by = other->r.owner;
        if (list_empty(&w.node))
            list_add_tail(&waiters, &w.node);
        event_clear(&w.ev);
        spin_unlock(&table_lock);
        result = object_wait(&w.ev.obj, SIG_SIGNALED, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
        spin_lock(&table_lock);
        if (result)
            break;
    }
    list_del(&w.node);
    if (result == 0) {
        cut(r, &spare);
        fresh->r = *r;
        list_add(&locks, &fresh->node);
        fresh = NULL;
        wake_all(); /* a weaker lock may let others in */
    }
    spin_unlock(&table_lock);
    kfree(fresh);
    kfree(spare);
    return result;
}

int reclock_clear(const struct reclock_range *r)
{
    struct lock *spare = kmalloc(sizeof(*spare));

    if (!spare)
        return -ENOMEM;
    spin_lock(&table_lock);
    cut(r, &spare);
    wake_all();
    spin_unlock(&table_lock);
    kfree(spare);
    return 0;
}

bool reclock_test(const struct reclock_range *r, struct reclock_range *found)
{
    struct lock *l;

    spin_lock(&table_lock);
    l = conflict(r);
    if (l)
        *found = l->r;
    spin_unlock(&table_lock);
    return l != NULL;
}

void reclock_release(const void *key, const void *owner)
{
    struct lock *l, *tmp;

    if (list_empty(&locks))
        return;
    spin_lock(&table_lock);
    list_for_each_safe(l, tmp, &locks, node) {
        if (l->r.owner == owner && (!key || l->r.key == key)) {
            list_del(&l->node);
            kfree(l);
        }
    }
    wake_all();
    spin_unlock(&table_lock);
}
