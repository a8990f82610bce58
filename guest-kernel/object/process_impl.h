/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by process*.c. All with process_tree_lock held. */
#ifndef OBJECT_PROCESS_IMPL_H
#define OBJECT_PROCESS_IMPL_H

#include "object/process.h"

/* A free number with one user, entered into the table; NULL: none, or no memory. */
struct pid *pid_alloc(void);
/* The entry of a number in use, or NULL. */
struct pid *pid_get(u32 nr);
void pid_unuse(struct pid *e);
/* Next entry in use from *nr on; stores its number. */
struct pid *pid_next(u32 *nr);

/* Move p to a group or a session (its old one may be NULL). */
void tree_set_group(struct process *p, struct pid *group);
void tree_set_session(struct process *p, struct pid *session);
/*
 * Whether no member of the group has a parent outside it in its session; `without` does not
 * count.
 */
bool tree_group_orphaned(struct pid *group, const struct process *without);
/* SIGHUP and SIGCONT for a group with stopped members that has become orphaned. */
void tree_check_orphaned(struct pid *group, const struct process *without);
/* Wake those who wait for p's children. */
void tree_wake_waiters(struct process *p);
/* Take a zombie out of everything; its last tree reference is the caller's to drop. */
void tree_reap(struct process *p);

/* usage.c. Add what t used, not split; process_usage with p->lock held. */
void usage_add_thread(struct usage *sum, const struct thread *t);
void process_usage_locked(struct process *p, struct usage *u);

/*
 * p has become a zombie: signal and wake its parent. *reaped: the parent ignores its children, so
 * p was taken out of the tree, and the table's reference is the caller's to drop.
 */
void process_tell_parent_of_end(struct process *p, bool *reaped);

#endif
