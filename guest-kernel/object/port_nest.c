/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports that watch ports: no circles, and no long chains. One mutex is for all of them, because two
 * threads that link two ports at the same time can make what neither alone would be allowed. It is
 * the last mutex that is taken.
 */
#include "object/port_impl.h"

#include "core/park.h"

#define BREATHE 256u /* links looked at between two breaths */

static struct mutex nest_mutex = {
    .lock = SPINLOCK_INIT(RANK_SLEEP), .waiters = LIST_INIT(nest_mutex.waiters),
};

struct search {
    u64 round;
    u32 looked;
    const struct port *forbidden;
};

static void count(struct search *s)
{
    if (++s->looked % BREATHE == 0)
        thread_breathe();
}

/*
 * Number of ports in the longest chain that begins with the port and goes down; PORT_NESTS + 1 if the
 * forbidden one is among them. Each port is entered once. What is linked already is no deeper than
 * PORT_NESTS, and so is this recursion.
 */
static u32 chain_below(struct search *s, struct port *port)
{
    struct link *l;

    if (port == s->forbidden)
        return PORT_NESTS + 1;
    if (port->round == s->round)
        return port->chain;
    port->round = s->round;
    port->chain = 1;
    list_for_each(l, &port->below, below_node) {
        port->chain = MAX(port->chain, 1 + chain_below(s, l->lower));
        count(s);
    }
    return port->chain;
}

static u32 chain_above(struct search *s, struct port *port)
{
    struct link *l;

    if (port->round == s->round)
        return port->chain;
    port->round = s->round;
    port->chain = 1;
    list_for_each(l, &port->above, above_node) {
        port->chain = MAX(port->chain, 1 + chain_above(s, l->upper));
        count(s);
    }
    return port->chain;
}

int port_nest(struct link *l, struct port *upper, struct port *lower)
{
    static u64 round; /* guarded by nest_mutex */
    struct search down, up;
    int r = -ELOOP;

    mutex_lock(&nest_mutex);
    down = (struct search){ .round = ++round, .forbidden = upper };
    up = (struct search){ .round = ++round };
    if (chain_below(&down, lower) + chain_above(&up, upper) <= PORT_NESTS) {
        l->upper = upper;
        l->lower = lower;
        list_add_tail(&lower->above, &l->above_node);
        list_add_tail(&upper->below, &l->below_node);
        r = 0;
    }
    mutex_unlock(&nest_mutex);
    return r;
}

static void unlink(struct link *l)
{
    list_del(&l->above_node);
    list_del(&l->below_node);
}

void port_unnest(struct link *l)
{
    mutex_lock(&nest_mutex);
    unlink(l);
    mutex_unlock(&nest_mutex);
}

void port_unnest_all(struct port *port)
{
    if (!port_is_nested(port))
        return;
    mutex_lock(&nest_mutex);
    for (u32 n = 1; !list_empty(&port->above); n++) {
        unlink(list_first(&port->above, struct link, above_node));
        if (n % BREATHE == 0)
            thread_breathe();
    }
    mutex_unlock(&nest_mutex);
}
