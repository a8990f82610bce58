/* SPDX-License-Identifier: Apache-2.0 */
/* membarrier(2): barriers on the vCPUs that run threads of a process, or of all. */
#include "fs/proc.h"
#include "linux/syscall.h"
#include "mm/aspace.h"
#include "mm/tlb.h"
#include "object/process.h"

#include <linux/membarrier.h>

#define GET_REGISTRATIONS 512 /* newer than some build machines' headers */
#define REGISTRATIONS (MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |                                  \
                       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
#define COMMANDS (MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                        \
                  MEMBARRIER_CMD_PRIVATE_EXPEDITED | REGISTRATIONS | GET_REGISTRATIONS)

/* Only address spaces that some vCPU has loaded need one; which, is looked at process by process. */
static void barrier_everywhere(u32 registered)
{
    struct process *p;
    u32 pid = 1;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (; (p = process_next(&pid)); pid++) {
        struct aspace *as;

        if (proc_aspace(p, PROC_ANYBODY, &as) == 0) {
            if (__atomic_load_n(&as->cpus, __ATOMIC_SEQ_CST) &&
                (READ_ONCE(as->membarrier) & registered) == registered)
                tlb_barrier(as);
            aspace_unref(as);
        }
        object_unref(&p->obj);
    }
}

s64 sys_membarrier(int cmd, u32 flags, int cpu UNUSED)
{
    struct aspace *as = process_current()->aspace;

    if (flags)
        return -EINVAL;
    switch (cmd) {
    case MEMBARRIER_CMD_QUERY:
        return COMMANDS;
    case MEMBARRIER_CMD_GLOBAL:
        barrier_everywhere(0);
        return 0;
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
        barrier_everywhere(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
        return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
        if (!(READ_ONCE(as->membarrier) & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
            return -EPERM;
        tlb_barrier(as);
        return 0;
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
        __atomic_fetch_or(&as->membarrier, (u32)cmd, __ATOMIC_SEQ_CST);
        return 0;
    case GET_REGISTRATIONS:
        return READ_ONCE(as->membarrier);
    default:
        return -EINVAL;
    }
}
