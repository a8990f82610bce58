/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of processes: pidfd_open(2). */
#ifndef LINUX_PIDFD_H
#define LINUX_PIDFD_H

#include "core/types.h"

struct file;
struct process;

/*
 * clone(2), CLONE_PIDFD: a new descriptor, whose number is stored at the user's address `to`, of a process
 * that is still to be published. Then one of the other two, which drops the file's reference that was
 * returned. -EMFILE, -ENOMEM, -EFAULT.
 */
int pidfd_reserve(u64 to, struct file **out, int *fd);
void pidfd_attach(struct file *f, struct process *p);
void pidfd_give_up(struct file *f, int fd);

/* waitid(2), P_PIDFD: the process's koid, and whether the file is non-blocking. -EBADF. */
int pidfd_koid(int fd, u64 *koid, bool *nonblocking);

/* sys_signal.c: send as pidfd_send_signal(2) does; uinfo: siginfo_t of ring 3, or 0. */
s64 signal_pidfd(struct process *p, int signo, u64 uinfo);

#endif
