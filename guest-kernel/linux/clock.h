/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks by their numbers (clock_gettime(2)), for the calls that set timers on them. */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include "core/types.h"

struct thread;

/* The time of a clock that is known to be there; of a CPU clock: the current process's or thread's. */
u64 clock_now(int id);

/*
 * Whether it is a CPU clock of the current process, by the fixed numbers or clock_getcpuclockid(3): 0
 * with *thread = NULL; of one of its threads: 0 with that, and a reference. -EINVAL: neither.
 */
int clock_of_own_cpu(int id, struct thread **thread);

#endif
