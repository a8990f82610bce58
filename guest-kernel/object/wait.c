/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for signals of objects: see wait.h. */
#include "object/wait.h"

#include "core/time.h"
#include "object/thread.h"

/* The thread looks at the objects itself once it runs: only the wake is passed on. */
static bool wake(struct observer *ob, u32 signals UNUSED, struct pulse **later UNUSED)
{
    struct wait_item *it = container_of(ob, struct wait_item, ob);

    WRITE_ONCE(it->waiter->told, true);
    if (current()->waking_sync)
        thread_unpark_sync(it->waiter);
    else
        thread_unpark(it->waiter);
    return true;
}

static int look(struct wait_item *items, unsigned n)
{
    int count = 0;

    for (unsigned i = 0; i < n; i++) {
        struct wait_item *it = &items[i];

        it->observed = it->obj ? object_ready(it->obj) & it->mask : 0;
        count += it->observed != 0;
    }
    return count;
}

/* A signal, or the end of the process, is to be looked at before anything else. */
static bool interrupted(struct thread *t, unsigned flags)
{
    if (!(flags & WAIT_INTERRUPTIBLE))
        return (flags & WAIT_KILLABLE) && (READ_ONCE(t->work) & WORK_EXIT);
    return READ_ONCE(t->interrupted) || (READ_ONCE(t->work) & (WORK_SIGNAL | WORK_EXIT));
}

int object_wait_many(struct wait_item *items, unsigned n, u64 deadline, unsigned flags)
{
    struct thread *t = current();
    int count, r = 0;

    count = look(items, n);
    if (count || !deadline)
        return count ? count : -ETIMEDOUT;
    for (unsigned i = 0; i < n; i++) {
        struct wait_item *it = &items[i];

        if (!it->obj)
            continue;
        it->waiter = t;
        it->ob.mask = it->mask;
        it->ob.fire = wake;
        object_observe(it->obj, &it->ob);
    }
    for (;;) {
        WRITE_ONCE(t->told, false);
        count = look(items, n);
        if (count)
            break;
        if (interrupted(t, flags)) {
            r = -EINTR;
            break;
        }
        if (READ_ONCE(t->told)) /* a look may have parked, and taken the permit of this */
            continue;
        r = thread_park(deadline);
        if (r) {
            count = look(items, n);
            break;
        }
    }
    for (unsigned i = 0; i < n; i++)
        if (items[i].obj)
            object_unobserve(&items[i].ob);
    return count ? count : r;
}

int object_wait(struct object *o, u32 mask, u64 deadline, unsigned flags)
{
    struct wait_item it = { .obj = o, .mask = mask };
    int r = object_wait_many(&it, 1, deadline, flags);

    return r > 0 ? 0 : r;
}

static const struct object_ops event_ops = { .type = OBJ_EVENT };

void event_init(struct event *e)
{
    object_init(&e->obj, &event_ops, 0);
}
