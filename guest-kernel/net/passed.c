/* SPDX-License-Identifier: Apache-2.0 */
/* Files under way: life. What is counted about them is unix_flight.c's. See passed.h. */
#include "net/passed.h"

#include "mm/slab.h"
#include "net/unix_impl.h"
#include "object/thread.h"

struct passed *passed_create(u32 n)
{
    struct passed *p = kzalloc(sizeof(*p) + n * sizeof(p->h[0]));

    if (!p)
        return NULL;
    p->refs = 1;
    list_init(&p->node);
    return p;
}

void passed_drop_all(struct list *all)
{
    struct thread *t = current();
    struct list *outer = t->dropping;

    t->dropping = all;
    while (!list_empty(all)) {
        struct passed *p = list_first(all, struct passed, node);

        list_del(&p->node);
        passed_landed(p);
        for (u32 i = 0; i < p->n; i++)
            object_unref(p->h[i].obj);
        kfree(p);
    }
    t->dropping = outer;
}

/*
 * A socket among the files may end with this, its queue with it, and in that are files again, to
 * any depth: what is dropped meanwhile is put on the list of the outermost call.
 */
void passed_unref(struct passed *p)
{
    struct list *dropping = current()->dropping, mine;

    if (!refs_put(&p->refs))
        return;
    if (dropping) {
        list_add_tail(dropping, &p->node);
        return;
    }
    list_init(&mine);
    list_add_tail(&mine, &p->node);
    passed_drop_all(&mine);
    unix_collect_postponed();
}
