/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of --stats: one JSON object. KVM's own counters are opened before the first run.
 */
#ifndef VMM_STATS_H
#define VMM_STATS_H

#include "hostcalls/lib/error.h"

struct vm;

/* Open KVM's statistics of the VM and of each vCPU, if this KVM has them. */
void stats_init(struct vm *vm);

/* Write the object and a newline to --stats-fd; nothing without one. Any thread; never hangs. */
void stats_write(struct vm *vm);

#endif
