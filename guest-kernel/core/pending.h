/* SPDX-License-Identifier: Apache-2.0 */
/* The events that the VMM posts (abi.h, the event ring). */
#ifndef CORE_PENDING_H
#define CORE_PENDING_H

#include "core/types.h"
#include "hostcalls/abi.h"

/* Take all events off the ring: completions are finished here, the rest goes to `other`. */
void pending_events(void (*other)(const struct rv_event *ev));

#endif
