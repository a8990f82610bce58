/* SPDX-License-Identifier: Apache-2.0 */
/* The current process's credentials, and what they allow towards other processes. */
#ifndef LINUX_CREDENTIALS_H
#define LINUX_CREDENTIALS_H

#include "fs/cred.h"
#include "core/types.h"

struct process;

/* kill(2): the sender's real or effective uid is the target's real or saved one, or CAP_KILL. */
bool cred_may_signal(struct process *p);
/* prlimit, scheduling of others: all ids match, or the capability (CAP_*). */
bool cred_may_change(struct process *p, int capability);
/*
 * RLIMIT_NPROC: whether the current process's real user has more threads than that, with `more` new ones,
 * and neither root's rights nor id.
 */
bool cred_nproc_exceeded(u32 more);
/* Whether the current process has the capability in its effective set. */
bool cred_capable(int capability);

#endif
