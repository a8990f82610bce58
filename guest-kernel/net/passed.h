/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files on their way from one process to another: SCM_RIGHTS of unix(7). They are counted for the
 * user who sent them (ETOOMANYREFS), and unix sockets among them besides: a socket that only
 * messages refer to, and those only in queues of such sockets, can be received by nobody any more.
 * unix_flight.c finds these.
 */
#ifndef NET_PASSED_H
#define NET_PASSED_H

#include "core/list.h"
#include "core/refs.h"
#include "object/handle.h"

#define PASSED_MAX 253u /* SCM_MAX_FD */

struct passed {
    u32 refs;           /* atomic: a message, and those who look at it (MSG_PEEK) */
    u32 uid;            /* who sent them */
    bool counted;       /* by passed_send */
    struct list node;   /* in a list of those that are being dropped */
    u32 n;
    struct handle h[];  /* each with a reference */
};

/* Room for n; NULL: no memory. The caller fills h and n in. */
struct passed *passed_create(u32 n);
/* Enter them as being under way. 0, -ETOOMANYREFS, -ENOMEM. */
int passed_send(struct passed *p);
static inline void passed_ref(struct passed *p)
{
    refs_get(&p->refs);
}
/*
 * With the last reference they have arrived, or are lost: the objects' references are dropped. No
 * lock is held by the caller. Deep nesting needs no deep stack.
 */
void passed_unref(struct passed *p);
/*
 * A reference of the caller's own on every object, before its own on p is dropped: a look for
 * unreachable sockets sees them as being held by either, at any moment (unix_flight.c).
 */
void passed_hold(struct passed *p);

#endif
