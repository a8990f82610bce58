/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: a run queue for each vCPU. Threads park and unpark by core/park.h. The kernel is not
 * preempted: a thread gives its vCPU away only by parking, yielding, or on its way to ring 3.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "hostcalls/abi.h"
#include "object/thread.h"

/* Make the code that runs now this vCPU's idle thread. Once for each vCPU, before anything parks. */
void sched_init_cpu(void);
/* Run what is runnable, halt when nothing is. Never returns. */
void sched_idle_loop(void) NORETURN;

/* Before the return to ring 3 with WORK_RESCHED: let the next thread run. */
void sched_resched(void);

/*
 * Look at what the VMM has told this vCPU (rv_vcpu_page.pending): events, kicks, timers. On the way to
 * ring 3 and in the idle loop; no lock held. May park unless the caller is the idle thread.
 */
void sched_pending(void);

/* What layers above want to hear. Set before the first thread starts. */
struct sched_hooks {
    /* An event that is not a completion; must not park. */
    void (*event)(const struct rv_event *ev);
};
extern struct sched_hooks sched_hooks;

u32 sched_ncpus(void);

#endif
