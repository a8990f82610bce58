/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the system calls on memory: limits on locked memory, filling ahead. */
#ifndef LINUX_MEMORY_H
#define LINUX_MEMORY_H

#include "core/types.h"

/* Whether the current process may have locked memory at all: 0, -EPERM (RLIMIT_MEMLOCK is 0). */
int memory_may_lock(void);
/* Bytes that it may have locked in all: RLIMIT_MEMLOCK, UINT64_MAX with CAP_IPC_LOCK. */
u64 memory_lock_limit(void);
/* Whether a mapping that is locked from the start can come or grow by `more` bytes: 0, -EAGAIN. */
int memory_check_lock(u64 more);
/* aspace_fill of the current process, in steps; -EINTR: a signal ends the process. */
int memory_fill(u64 addr, u64 len, u32 access);

#endif
