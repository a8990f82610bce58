/* SPDX-License-Identifier: Apache-2.0 */
/* The clock page (struct rv_clock_page): the guest's clocks from the TSC, without an exit. */
#ifndef VMM_CLOCK_H
#define VMM_CLOCK_H

#include <stdint.h>

struct vm;

/* Look which clock is the host's own, before the jail hides it. */
void clock_find(void);

/* Fill the page for the first time. usable stays 0 if the host's own clock is not the TSC. */
void clock_init(struct vm *vm);

/* Bring the page up to date with the host's clocks. Any thread. */
void clock_refresh(struct vm *vm);

/* From the event thread's tick: refresh if the last one was a second ago. now: CLOCK_MONOTONIC ns.
 */
void clock_tick(struct vm *vm, uint64_t now);

#endif
