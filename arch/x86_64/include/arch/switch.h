/* SPDX-License-Identifier: Apache-2.0 */
/* What sched/ needs to start threads and to switch between them. */
#ifndef ARCH_SWITCH_H
#define ARCH_SWITCH_H

#include "core/types.h"

struct thread;

/* Make a new thread's first switch call entry(arg) on its own stack (after sched_finish_switch). */
void arch_thread_prepare(struct thread *t, void (*entry)(void *), void *arg);

/*
 * Switch this vCPU from one thread to another, with FPU state and segment bases; returns when `from`
 * is switched to again, perhaps on another vCPU. The run queue's lock is held across it. The page
 * table is the caller's business.
 */
void arch_switch(struct thread *from, struct thread *to);

#endif
