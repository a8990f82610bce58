/* SPDX-License-Identifier: Apache-2.0 */
/* struct rusage of the ABI. */
#ifndef LINUX_ABI_USAGE_H
#define LINUX_ABI_USAGE_H

#include "linux/abi_time.h"
#include "mm/aspace.h"
#include "sched/sched.h"

struct abi_rusage {
    struct abi_timeval utime, stime;
    s64 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock;
    s64 msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
STATIC_ASSERT(sizeof(struct abi_rusage) == 144);

#endif
