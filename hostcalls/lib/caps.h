/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privileges. */
#ifndef RV_LIB_CAPS_H
#define RV_LIB_CAPS_H

#include <stdint.h>

#include "hostcalls/lib/error.h"

/*
 * Keep of the calling thread's capabilities only those in the mask (bit: capability's number), for
 * good: programs that it executes gain nothing, and other processes of the same user may not look
 * into this one. Before other threads exist.
 */
int caps_keep(uint64_t mask, struct error *err);

/* The capabilities that the calling thread has or may turn on. */
uint64_t caps_permitted(void);

#endif
