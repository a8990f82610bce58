/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event thread: one epoll loop for everything that arrives from outside (control messages, the
 * file service, readiness of stdio) and for the 4 ms tick, which runs only while some vCPU is not
 * parked.
 */
#ifndef VMM_EVENT_H
#define VMM_EVENT_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

struct vm;

/* Something the loop watches; owned by the caller, must stay. */
struct event_source {
    int fd;
    void (*ready)(struct vm *vm, struct event_source *src, uint32_t events); /* EPOLL* bits */
};

int event_init(struct vm *vm, struct error *err);

/*
 * Watch src->fd for the EPOLL* events. 0 or a negative errno (-EPERM: a regular file, always
 * ready). Any thread.
 */
int event_add(struct vm *vm, struct event_source *src, uint32_t events);
/* Change the events of a source that was added (also re-arms EPOLLONESHOT). */
int event_mod(struct vm *vm, struct event_source *src, uint32_t events);

/*
 * A vCPU begins to run (unparked or started): makes sure that the tick runs. Cheap when it does.
 * A vCPU parks: the tick ends by itself when none is left.
 */
void event_vcpu_active(struct vm *vm);
void event_vcpu_parked(struct vm *vm);

/* The loop; returns never. Runs on the thread that called main(). */
_Noreturn void event_loop(struct vm *vm);

#endif
