/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the worker pool; its use is in worker.h. */
#ifndef VMM_POOL_H
#define VMM_POOL_H

#include "hostcalls/lib/error.h"

struct vm;

/* Start the pool's manager thread; before the vCPUs, after the jail. */
int pool_init(struct vm *vm, struct error *err);

#endif
