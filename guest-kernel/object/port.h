/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port: waits for many objects at once and remembers which have something (epoll is made of it).
 * It is readable itself while some watched object has one of its awaited signals: that is worked out
 * when somebody asks (SIG_ASK). Ports may watch ports, see port_nest.c.
 *
 * A port holds no references on what it watches, so that watching does not keep a pipe open. When a
 * watched object ends, object_destroy calls the observer's fire with signals == 0 (under the
 * object's lock, after unlinking it), and the item forgets the object.
 */
#ifndef OBJECT_PORT_H
#define OBJECT_PORT_H

#include "object/object.h"

struct port;

#define PORT_EDGE      1u /* report only what newly happened */
#define PORT_ONE_SHOT  2u /* after one report, be silent until port_modify */
#define PORT_EXCLUSIVE 4u /* of the ports that watch an object so, one with a waiter suffices to hear of
                           * something to read or room; port_modify refuses: -EINVAL */

struct port_event {
    u32 signals; /* of the mask, set when looked at */
    u32 events;  /* as given with the item */
    u64 data;
};

struct port *port_create(void); /* NULL: no memory; one reference */
struct object *port_object(struct port *port);
struct port *port_of(struct object *o); /* NULL: not a port */

/*
 * Watch obj under (key, obj) for the signals of mask; the caller holds a reference on obj during
 * the call. 0; -EEXIST; -ENOMEM; -ENOENT (modify, remove); -EINVAL (PORT_EXCLUSIVE); -ELOOP:
 * obj is a port that watches, directly or not, this one; or more than 5 would watch one another in a row.
 */
int port_add(struct port *port, u32 key, struct object *obj, u32 mask, unsigned flags, u32 events,
             u64 data);
int port_modify(struct port *port, u32 key, struct object *obj, u32 mask, unsigned flags,
                u32 events, u64 data);
int port_remove(struct port *port, u32 key, struct object *obj);

/* Wait until something is there: number of events (at most max), 0 after the deadline, -EINTR. */
int port_wait(struct port *port, struct port_event *events, int max, u64 deadline);

#endif
