/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by port.c and port_nest.c.
 *
 * Lock legend: (i) set at creation  (m) port.mutex  (l) port.lock  (n) the mutex of all nesting
 */
#ifndef OBJECT_PORT_IMPL_H
#define OBJECT_PORT_IMPL_H

#include "core/mutex.h"
#include "core/tree.h"
#include "object/port.h"

struct port {
    struct object obj;
    struct pulse pulse;    /* of obj, if other ports watch it */
    /*
     * Whoever looks through the items holds it, and takes that of a port among them next: from the
     * watching port to the watched one, where there are no circles.
     */
    struct mutex mutex;
    struct tree items;     /* (m) struct item.node, by key */
    struct spinlock lock;  /* RANK_PORT: the ready list, and what items say */
    struct list ready;     /* (l) struct item.ready_node */
    bool scanning;         /* (l) somebody has items of the ready list in his hands */
    bool exclusive;        /* (m) for writing; has had an exclusive item */
    u32 sleepers;          /* (l) threads in port_wait that were not told of anything yet ... */
    u32 wakes;             /* (l) ... since then */
    struct list above;     /* (n) struct link.above_node: of the ports that watch this one */
    struct list below;     /* (n) struct link.below_node: of the ports that this one watches */
    u64 round;             /* (n) search that saw it last ... */
    u32 chain;             /* (n) ... and found it at the end of a chain of so many */
};

/* One port watches another. Unlinked when one of them ends. */
struct link {
    struct port *upper, *lower;
    struct list above_node, below_node;
};

/*
 * Let upper watch lower: 0, or -ELOOP if lower watches upper, by however many others, or if more than
 * PORT_NESTS ports would follow one another.
 */
#define PORT_NESTS 5u
int port_nest(struct link *l, struct port *upper, struct port *lower);
void port_unnest(struct link *l);
/* The port ends: nobody can begin to watch it any more. */
void port_unnest_all(struct port *port);

/* Whether other ports watch it: a hint. */
static inline bool port_is_nested(const struct port *port)
{
    return READ_ONCE(port->above.next) != &port->above;
}

#endif
