/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of processes, pidfd_open(2): handles on the process objects themselves. */
#ifndef LINUX_PIDFD_H
#define LINUX_PIDFD_H

#include "core/types.h"

struct process;

/* The process behind a descriptor, with a reference. -EBADF, also if it is something else. */
int pidfd_get(int fd, struct process **out);
/* A new descriptor of p, close-on-exec; -EMFILE, -ENOMEM. */
int pidfd_install(struct process *p);

#endif
